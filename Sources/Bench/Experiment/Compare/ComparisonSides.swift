/// Both sides of a comparison, found to be comparable.
struct ComparisonSides: Sendable {
  /// The configurations that both sides have, with a title each, in A's order.
  let configurations: [(key: ConfigurationKey, title: String)]
  /// Where the boots ran: one host, or several that both sides have.
  let hosts: [HostIdentity]
  /// Notes for the reader.
  let notes: [String]
  /// How many boots each configuration has on both sides, and how many of them failed.
  let counts: [(configuration: String, a: Reliability.Count, b: Reliability.Count)]
  /// Whether boots are compared in pairs; those of several hosts always are.
  let isPaired: Bool
  /// Whether a pair is two boots of the same repetition, and not just of the same place in the order of a host's boots.
  private let pairsByRepetition: Bool
  private let bootsA: [ConfigurationKey: [BootSample]]
  private let bootsB: [ConfigurationKey: [BootSample]]

  /// Checks the sides of `request`.
  ///
  /// - Throws: ``BenchFailure`` if they ran on different hosts or measured different things.
  init(_ request: Comparison.Request) throws {
    guard let first = request.bootsA.first, !request.bootsB.isEmpty else {
      throw BenchFailure("there is no boot to compare", exitCode: .dataError)
    }
    let hosts = Self.commonHosts(request)
    self.hosts = hosts
    var notes = try Self.checkHosts(request, hosts: hosts)
    let allA = Dictionary(grouping: request.bootsA, by: \.configuration)
    let allB = Dictionary(grouping: request.bootsB, by: \.configuration)
    let order = Self.unique(request.bootsA.map(\.configuration))
    let common = order.filter { allB[$0] != nil }
    let all = Self.unique(order + request.bootsB.map(\.configuration))
    guard common.count == all.count else {
      throw BenchFailure(
        Self.difference(common: Set(common), all: all, bootsA: allA, bootsB: allB), exitCode: .dataError)
    }
    let varying = ConfigurationKey.varyingColumns(of: common)
    let configurations = common.map { ($0, title: $0.title(varying: varying)) }
    self.configurations = configurations
    isPaired = request.isPaired || hosts.count > 1
    pairsByRepetition = request.isPaired
    if pairsByRepetition { try Self.checkPairing(of: [allA, allB]) }
    func isUsed(_ boot: BootSample) -> Bool {
      boot.isSound && (!request.leavesOutDoubtful || boot.doubts.isEmpty)
    }
    bootsA = allA.mapValues { $0.filter(isUsed) }
    bootsB = allB.mapValues { $0.filter(isUsed) }
    counts = configurations.map { key, title in
      (title, Self.count(allA[key] ?? []), Self.count(allB[key] ?? []))
    }
    let unsound = (request.bootsA + request.bootsB).count { !$0.isSound }
    if unsound > 0 {
      notes.append(
        "\(unsound) boot(s) with failed requests or wrong data are left out of the metrics, and count as failures"
      )
    }
    notes += ComparisonNotes.circumstances(request.bootsA, request.bootsB)
    notes += ComparisonNotes.doubts(
      request.bootsA, request.bootsB, metrics: request.metrics, isLeftOut: request.leavesOutDoubtful)
    if isPaired {
      notes += Self.unpairedNotes(configurations, bootsA, bootsB, byRepetition: pairsByRepetition)
    }
    let placements = Set((request.bootsA + request.bootsB).map(\.placement))
    if placements.count > 1 { notes.append("threads were not on the same CPUs in all boots") }
    if !(request.bootsA + request.bootsB).allSatisfy(\.isTimingValid) {
      notes.append("times on this host (\(first.host.kvmBackend)) mean nothing in absolute terms; counts do")
    }
    self.notes = notes
  }

  /// The values of a metric in a configuration; nil if there are none. Unpaired boots of paired sides are left out.
  func samples(of metric: Metric, configuration: ConfigurationKey) -> SampleSet? {
    let (first, second) = (bootsA[configuration] ?? [], bootsB[configuration] ?? [])
    guard isPaired else {
      let values = (first.compactMap { $0[metric] }, second.compactMap { $0[metric] })
      return values.0.isEmpty || values.1.isEmpty ? nil : .independent(first: values.0, second: values.1)
    }
    // A sequential comparison takes them in the order in which they were measured.
    let pairs = Self.partners(first, second, byRepetition: pairsByRepetition)
      .sorted { $0.a.repetition < $1.a.repetition }.compactMap { Self.pair($0, metric) }
    return pairs.isEmpty ? nil : .paired(pairs)
  }

  /// The change on each host, where there are several.
  func changesByHost(of metric: Metric, configuration: ConfigurationKey, title: String) -> [HostChange] {
    guard hosts.count > 1 else { return [] }
    let partners = Self.partners(
      bootsA[configuration] ?? [], bootsB[configuration] ?? [], byRepetition: pairsByRepetition)
    return hosts.compactMap { host in
      HostChange(
        host: host, configuration: title, metric: metric,
        pairs: partners.filter { $0.a.host == host }.compactMap { Self.pair($0, metric) })
    }
  }

  private static func pair(_ boots: (a: BootSample, b: BootSample), _ metric: Metric) -> SampleSet.Pair? {
    guard let a = boots.a[metric], let b = boots.b[metric] else { return nil }
    return SampleSet.Pair(first: a, second: b)
  }

  /// What tells boots of a side apart that may be paired.
  private struct Place: Hashable {
    let host: HostIdentity
    let number: Int
  }

  /// The pairs of boots, each on one host: of the same repetition, or of the same place in the order of the host's boots.
  private static func partners(_ first: [BootSample], _ second: [BootSample], byRepetition: Bool)
    -> [(a: BootSample, b: BootSample)]
  {
    let placesB = Dictionary(
      zip(places(second, byRepetition: byRepetition), second), uniquingKeysWith: { first, _ in first })
    return zip(places(first, byRepetition: byRepetition), first).compactMap { place, boot in
      placesB[place].map { (boot, $0) }
    }
  }

  private static func places(_ boots: [BootSample], byRepetition: Bool) -> [Place] {
    if byRepetition { return boots.map { Place(host: $0.host, number: $0.repetition) } }
    var places = boots.map { Place(host: $0.host, number: 0) }
    var counts: [HostIdentity: Int] = [:]
    let order = boots.indices.sorted {
      (boots[$0].repetition, boots[$0].startedAt, $0) < (boots[$1].repetition, boots[$1].startedAt, $1)
    }
    for index in order {
      let number = counts[boots[index].host, default: 0]
      places[index] = Place(host: boots[index].host, number: number)
      counts[boots[index].host] = number + 1
    }
    return places
  }

  private static func count(_ boots: [BootSample]) -> Reliability.Count {
    Reliability.Count(boots: boots.count, failed: boots.count { !$0.isSound })
  }

  /// Boots without a partner, which are left out.
  private static func unpairedNotes(
    _ configurations: [(ConfigurationKey, title: String)], _ bootsA: [ConfigurationKey: [BootSample]],
    _ bootsB: [ConfigurationKey: [BootSample]], byRepetition: Bool
  ) -> [String] {
    var lone = 0
    var without: [String] = []
    for (key, title) in configurations {
      let first = Set(places(bootsA[key] ?? [], byRepetition: byRepetition))
      let second = Set(places(bootsB[key] ?? [], byRepetition: byRepetition))
      lone += first.symmetricDifference(second).count
      if first.isDisjoint(with: second) { without.append(title) }
    }
    var notes: [String] = []
    if !without.isEmpty {
      notes.append(
        "NO PAIR: A and B have no repetition in common in \(without.joined(separator: ", ")); leave out --paired, or take "
          + "rows that were measured side by side")
    }
    if lone > 0 {
      notes.append(
        "\(lone) boot(s) without a partner \(byRepetition ? "of the same repetition" : "on the same host") are left out"
      )
    }
    return notes
  }

  /// Boots are paired by their repetition, so that each repetition may have one boot a side and host.
  private static func checkPairing(of sides: [[ConfigurationKey: [BootSample]]]) throws {
    for side in sides {
      for boots in side.values where Set(places(boots, byRepetition: true)).count < boots.count {
        throw BenchFailure(
          "\(boots[0].location): several boots of one configuration have the same repetition, so the pairs are ambiguous; "
            + "compare without --paired", exitCode: .dataError)
      }
    }
  }

  /// The hosts of both sides if these are the same, in A's order; else that of A's first boot alone.
  private static func commonHosts(_ request: Comparison.Request) -> [HostIdentity] {
    var seen: Set<HostIdentity> = []
    let hosts = request.bootsA.map(\.host).filter { seen.insert($0).inserted }
    return seen == Set(request.bootsB.map(\.host)) ? hosts : Array(hosts.prefix(1))
  }

  private static func checkHosts(_ request: Comparison.Request, hosts: [HostIdentity]) throws -> [String] {
    guard hosts.count < 2, let host = hosts.first else {
      let way = request.isPaired ? "of the same repetition" : "in the order of the host's boots"
      return [
        "\(hosts.count) HOSTS, a random effect: each pair is two boots of one host, \(way), so that what differs between hosts "
          + "cancels: \(hosts.map(\.summary).joined(separator: "; "))"
      ]
    }
    for boot in request.bootsA + request.bootsB where boot.host != host {
      let differences = host.differences(from: boot.host).joined(separator: "; ")
      guard request.isForced else {
        throw BenchFailure(
          "\(boot.location): the hosts differ: \(differences). Results of different hosts are compared only in pairs on each "
            + "host, for which A and B need boots of the same hosts; --force does it nonetheless",
          exitCode: .dataError)
      }
      return ["THE HOSTS DIFFER: \(differences)"]
    }
    return []
  }

  private static func unique(_ keys: [ConfigurationKey]) -> [ConfigurationKey] {
    var seen: Set<ConfigurationKey> = []
    return keys.filter { seen.insert($0).inserted }
  }

  /// The message for a configuration that one side lacks, with the columns in which it differs from those of the other.
  private static func difference(
    common: Set<ConfigurationKey>, all: [ConfigurationKey], bootsA: [ConfigurationKey: [BootSample]],
    bootsB: [ConfigurationKey: [BootSample]]
  ) -> String {
    let lone = all.filter { !common.contains($0) }
    let varying = ConfigurationKey.varyingColumns(of: all)
    guard let example = lone.first, let boot = (bootsA[example] ?? bootsB[example])?.first else {
      return "the configurations differ"
    }
    return "A and B did not measure the same: \(lone.count) configuration(s) are on one side only, such as "
      + "'\(example.title(varying: varying))' of \(bootsA[example] == nil ? "B" : "A") (\(boot.location)); "
      + "--ignore \(varying.first ?? "COLUMN") compares across a column"
  }
}
