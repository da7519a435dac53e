import HostSystem

/// CPU numbers in the order in which they were given, written as the kernel writes CPU lists: `0-3,8`.
struct CPUList: Equatable, Sendable {
  /// The CPUs, none of them twice.
  let cpus: [Int]

  /// CPU numbers stay below this, as those of a set of CPUs do: more than any x86-64 kernel supports.
  private static let limit = CPUSet.numberLimit

  /// Reads `text`, or answers nil if it is no list, is empty, or names a CPU twice.
  init?(_ text: String) {
    var cpus: [Int] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
      guard let first = Self.number(ends[0]), let last = Self.number(ends[ends.count - 1]), first <= last
      else { return nil }
      cpus.append(contentsOf: first...last)
    }
    guard Set(cpus).count == cpus.count else { return nil }
    self.cpus = cpus
  }

  private static func number(_ text: Substring) -> Int? {
    guard !text.isEmpty, text.allSatisfy({ $0.isASCII && $0.isNumber }), let number = Int(text),
      number < limit
    else { return nil }
    return number
  }
}
