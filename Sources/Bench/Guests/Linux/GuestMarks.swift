/// What the guest's script noted: one mark a line, the numbers in microseconds since 1970 by the guest's clock.
///
/// ```
/// kernel RELEASE
/// clock before|after.PHASE NUMBER BEFORE AFTER
/// idle START END
/// computing START END
/// fio PHASE CODE
/// exit CODE
/// ```
struct GuestMarks: Equatable, Sendable {
  /// When the clocks were compared.
  enum Moment: Hashable {
    /// Before the workload.
    case before
    /// After fio ran for the phase of this number, from 0.
    case after(Int)

    /// The word of the mark.
    var word: String {
      switch self {
      case .before: "before"
      case .after(let phase): "after.\(phase)"
      }
    }

    /// The moment that `word` names, or nil.
    init?(_ word: String) {
      if word == "before" {
        self = .before
      } else if word.hasPrefix("after."), let phase = Int(word.dropFirst(6)) {
        self = .after(phase)
      } else {
        return nil
      }
    }
  }

  /// A comparison of the clocks, whose third part is the time of a file.
  struct ClockMark: Equatable, Sendable {
    var number: Int
    var before: UInt64
    var after: UInt64
  }

  /// The guest's kernel.
  private(set) var kernel = ""
  /// Comparisons of the clocks.
  private(set) var clocks: [Moment: [ClockMark]] = [:]
  /// fio's exit code in each phase that it came to the end of.
  private(set) var fioCodes: [Int: Int] = [:]
  /// When the guest was idle, in nanoseconds.
  private(set) var idle: ClosedRange<UInt64>?
  /// When its vCPUs computed, in nanoseconds.
  private(set) var computing: ClosedRange<UInt64>?
  /// The script's own last word; nil if it did not come that far.
  private(set) var exitCode: Int?

  /// Reads `text`. Skips lines that are not marks, because a guest writes what it likes.
  init(_ text: String) {
    for line in text.split(separator: "\n").prefix(1000) {
      let words = line.split(separator: " ").map(String.init)
      switch words.first {
      case "kernel" where words.count == 2: kernel = String(words[1].prefix(100))
      case "clock" where words.count == 5: addClock(words)
      case "idle": idle = Self.window(words)
      case "computing": computing = Self.window(words)
      case "fio" where words.count == 3:
        if let phase = Int(words[1]), let code = Int(words[2]) { fioCodes[phase] = code }
      case "exit" where words.count == 2: exitCode = Int(words[1])
      default: continue
      }
    }
  }

  private mutating func addClock(_ words: [String]) {
    guard let moment = Moment(words[1]), let number = Int(words[2]),
      let before = Self.nanoseconds(words[3]),
      let after = Self.nanoseconds(words[4])
    else { return }
    clocks[moment, default: []].append(ClockMark(number: number, before: before, after: after))
  }

  private static func window(_ words: [String]) -> ClosedRange<UInt64>? {
    guard words.count == 3, let start = nanoseconds(words[1]), let end = nanoseconds(words[2]), start <= end
    else {
      return nil
    }
    return start...end
  }

  private static func nanoseconds(_ microseconds: String) -> UInt64? {
    guard let value = UInt64(microseconds) else { return nil }
    let (product, overflow) = value.multipliedReportingOverflow(by: 1000)
    return overflow || product > UInt64(Int64.max) ? nil : product
  }
}
