import CLinux
import Glibc
import SystemPackage

/// A set of logical CPUs, by the kernel's numbers.
///
/// Its text is the kernel's list format, `0-3,8`, which is also how it is encoded.
public struct CPUSet: Hashable, Sendable, CustomStringConvertible {
  /// The highest CPU number that Linux can be built for, plus one (`CONFIG_NR_CPUS` of x86).
  public static let numberLimit = 8192

  /// The numbers in rising order, each once.
  public let sorted: [Int]

  /// The set of `cpus`, which must lie in `0..<numberLimit`.
  public init(_ cpus: some Sequence<Int>) {
    var sorted: [Int] = []
    for cpu in cpus.sorted() where cpu != sorted.last { sorted.append(cpu) }
    self.sorted = sorted
    precondition(sorted.allSatisfy { (0..<Self.numberLimit).contains($0) }, "not a CPU number")
  }

  /// The set that a list such as `0-3,8` names; blanks around the text are ignored and empty text is the empty set.
  ///
  /// Nil for anything else, so for numbers beyond ``numberLimit`` and for ranges that run backwards.
  public init?(parsing text: some StringProtocol) {
    let trimmed = text.drop(while: \.isWhitespace)
    guard let last = trimmed.lastIndex(where: { !$0.isWhitespace }) else {
      self.init([])
      return
    }
    var cpus: [Int] = []
    for part in trimmed[...last].split(separator: ",", omittingEmptySubsequences: false) {
      let bounds = part.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
      guard let first = Self.number(bounds[0]), let last = Self.number(bounds[bounds.count - 1]),
        first <= last
      else { return nil }
      cpus += first...last
    }
    self.init(cpus)
  }

  /// Whether there is no CPU in it.
  public var isEmpty: Bool { sorted.isEmpty }

  /// The number of CPUs.
  public var count: Int { sorted.count }

  /// Whether `cpu` is in it.
  public func contains(_ cpu: Int) -> Bool { sorted.contains(cpu) }

  /// The CPUs of either set.
  public func union(_ other: CPUSet) -> CPUSet { CPUSet(sorted + other.sorted) }

  /// The CPUs of this set that `other` does not have.
  public func subtracting(_ other: CPUSet) -> CPUSet { CPUSet(sorted.filter { !other.contains($0) }) }

  /// The CPUs of both sets.
  public func intersection(_ other: CPUSet) -> CPUSet { CPUSet(sorted.filter(other.contains)) }

  /// The kernel's list format, `0-3,8`; empty text for the empty set.
  public var description: String {
    var runs: [ClosedRange<Int>] = []
    for cpu in sorted {
      if let run = runs.last, run.upperBound == cpu - 1 {
        runs[runs.count - 1] = run.lowerBound...cpu
      } else {
        runs.append(cpu...cpu)
      }
    }
    return runs.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
      .joined(separator: ",")
  }

  /// Decimal digits only: `Int` would also take a sign.
  private static func number(_ digits: some StringProtocol) -> Int? {
    guard digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
      let value = Int(digits), value < numberLimit
    else { return nil }
    return value
  }
}

extension CPUSet: Codable {
  /// Decodes the text of a list, `0-3,8`.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let set = CPUSet(parsing: text) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "'\(text)' is not a list of CPUs")
    }
    self = set
  }

  /// Encodes the text of a list, `0-3,8`.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

// MARK: - Affinity

extension CPUSet {
  // SAFETY: the kernel reads and writes no more of a mask than the length that comes with its address, and keeps neither.

  /// The CPUs that the calling thread may run on (`sched_getaffinity(2)`).
  static func ofCurrentThread() throws(Errno) -> CPUSet {
    try unsafe filled { unsafe linux_current_affinity($0, $1) }
  }

  /// The CPUs that the thread with the kernel's number `id` may run on.
  static func ofThread(id: Int32) throws(Errno) -> CPUSet {
    try unsafe filled { unsafe linux_affinity_of(id, $0, $1) }
  }

  /// The CPUs that a thread of this process may run on, which must not have ended.
  static func ofThread(_ thread: pthread_t) throws(Errno) -> CPUSet {
    try unsafe filled { unsafe linux_thread_affinity(thread, $0, $1) }
  }

  /// Lets the calling thread run on these only (`sched_setaffinity(2)`).
  func pinCurrentThread() throws(Errno) {
    try check(unsafe mask.withUnsafeBytes { unsafe linux_set_current_affinity($0.baseAddress, $0.count) })
  }

  /// Lets the thread with the kernel's number `id` run on these only.
  func pinThread(id: Int32) throws(Errno) {
    try check(unsafe mask.withUnsafeBytes { unsafe linux_set_affinity_of(id, $0.baseAddress, $0.count) })
  }

  /// The bytes of the widest mask.
  private static let maskWordCount = numberLimit / UInt64.bitWidth

  /// The kernel's mask of this set.
  var mask: [UInt64] {
    var words = [UInt64](repeating: 0, count: Self.maskWordCount)
    for cpu in sorted { words[cpu / UInt64.bitWidth] |= 1 << UInt64(cpu % UInt64.bitWidth) }
    return words
  }

  /// The set of a mask that `fill` writes: it gets the address and the length in bytes and returns -errno or 0.
  private static func filled(
    by fill: (UnsafeMutableRawPointer?, Int) -> Int32
  ) throws(Errno) -> CPUSet {
    var words = [UInt64](repeating: 0, count: maskWordCount)
    try check(unsafe words.withUnsafeMutableBytes { unsafe fill($0.baseAddress, $0.count) })
    return CPUSet(
      (0..<numberLimit).filter { words[$0 / UInt64.bitWidth] >> UInt64($0 % UInt64.bitWidth) & 1 != 0 })
  }
}
