/// Finds the boots of two sides that belong together: each pair on one host.
struct BootPairing {
  /// Whether a pair is two boots of the same repetition, and not just of the same place in the order of a host's boots.
  let byRepetition: Bool
  /// The hosts seen so far: a number takes the place of four texts, of which 100,000 boots would need much memory.
  private var hosts: [HostIdentity] = []

  /// A pairing without boots.
  init(byRepetition: Bool) { self.byRepetition = byRepetition }

  /// The places of two boots in their sides.
  struct Pair {
    let a: Int
    let b: Int
  }

  /// What tells boots of a side apart that may be paired.
  struct Place: Hashable {
    let host: Int
    let number: Int
  }

  /// The pairs of `first` and `second`, in the order of A's repetitions, in which they were measured.
  mutating func pairs(_ first: [BootSample], _ second: [BootSample]) -> [Pair] {
    let inB = Dictionary(
      places(second).enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    return places(first).enumerated().compactMap { index, place in inB[place].map { Pair(a: index, b: $0) } }
      .sorted { (first[$0.a].repetition, $0.a) < (first[$1.a].repetition, $1.a) }
  }

  /// The place of each of `boots`.
  mutating func places(_ boots: [BootSample]) -> [Place] {
    var places: [Place] = []
    places.reserveCapacity(boots.count)
    for boot in boots { places.append(Place(host: number(of: boot.host), number: boot.repetition)) }
    if byRepetition { return places }
    let order = boots.indices.sorted {
      (boots[$0].repetition, boots[$0].startedAt, $0) < (boots[$1].repetition, boots[$1].startedAt, $1)
    }
    var counts = [Int](repeating: 0, count: hosts.count)
    for index in order {
      let host = places[index].host
      places[index] = Place(host: host, number: counts[host])
      counts[host] += 1
    }
    return places
  }

  private mutating func number(of host: HostIdentity) -> Int {
    if let number = hosts.firstIndex(of: host) { return number }
    hosts.append(host)
    return hosts.count - 1
  }
}
