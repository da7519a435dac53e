import HostSystem

/// Makes inputs from a seed: fresh ones, and changes of earlier ones.
struct InputGenerator {
  private static let keptCount = 64
  private static let byteCounts = [64, 256, 1024, 4096]

  private var random: SplitMix64
  private var kept: [[UInt8]] = []

  init(seed: UInt64) { random = SplitMix64(seed: seed) }

  /// The next input's bytes.
  mutating func next() -> [UInt8] {
    let isChange = !kept.isEmpty && random.next() % 4 == 0
    let bytes = isChange ? change() : fresh()
    if kept.count < Self.keptCount {
      kept.append(bytes)
    } else if random.next() % 16 == 0 {
      kept[index(Self.keptCount)] = bytes
    }
    return bytes
  }

  private mutating func index(_ count: Int) -> Int { Int(random.next() % UInt64(count)) }

  private mutating func fresh() -> [UInt8] {
    let count = Self.byteCounts[index(Self.byteCounts.count)]
    return (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
  }

  /// An earlier input with some bytes changed, cut short, or continued by another one.
  private mutating func change() -> [UInt8] {
    var bytes = kept[index(kept.count)]
    switch index(4) {
    case 0:
      let cut = index(bytes.count)
      bytes = Array(bytes[..<cut]) + kept[index(kept.count)].dropFirst(cut)
      if bytes.isEmpty { bytes = [0] }
    case 1: bytes = Array(bytes[...index(bytes.count)])
    default:
      for _ in 0...index(8) { bytes[index(bytes.count)] = UInt8(truncatingIfNeeded: random.next()) }
    }
    return bytes
  }
}
