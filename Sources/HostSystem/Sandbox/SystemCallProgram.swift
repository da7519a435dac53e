import CSeccomp
import SystemPackage

/// A filter of system calls as the kernel runs it: classic BPF that reads a call's architecture, number and arguments.
///
/// The program finds a call's number by halves, because the kernel tries all numbers when the program is installed: it remembers those
/// that are allowed whatever their arguments (Linux 5.11), and runs no program for them later.
struct SystemCallProgram {
  /// What happens to a call that no rule allows.
  enum Refusal {
    /// The kernel kills the process.
    case kill
    /// The thread waits until a reader of the filter's listener has answered.
    case ask

    fileprivate var answer: UInt32 {
      switch self {
      case .kill: CSECCOMP_KILL
      case .ask: CSECCOMP_ASK
      }
    }
  }

  /// The instructions, in order.
  private(set) var instructions: [sock_filter] = []

  /// Compiles `rules`. Of several rules for one call the first whose conditions hold decides.
  init(_ rules: [SystemCallRule], otherwise refusal: Refusal) throws(SystemCallFilterError) {
    var numbers: [UInt32] = []
    numbers.reserveCapacity(rules.count)
    for rule in rules { numbers.append(try rule.number()) }
    var calls: [Call] = []
    calls.reserveCapacity(rules.count)
    for (index, number) in numbers.enumerated() where !numbers[..<index].contains(number) {
      var block: [sock_filter] = []
      var isDecided = false
      for other in index..<rules.count where numbers[other] == number && !isDecided {
        block += try rules[other].instructions()
        isDecided = rules[other].conditions.isEmpty
      }
      if !isDecided { block.append(.answer(refusal.answer)) }
      calls.append(Call(number: number, block: block))
    }
    calls.sort { $0.number < $1.number }
    // A call of another architecture has other numbers.
    instructions = [
      .load(CSECCOMP_ARCHITECTURE_OFFSET),
      sock_filter(code: CSECCOMP_COMPARE, jt: 1, jf: 0, k: CSECCOMP_ARCHITECTURE),
      .answer(refusal.answer), .load(CSECCOMP_NUMBER_OFFSET),
    ]
    instructions += Self.search(calls[...], otherwise: .answer(refusal.answer))
    guard instructions.count <= CSECCOMP_INSTRUCTION_LIMIT else { throw .failed(.argListTooLong) }
  }

  /// A call, and what decides about it by its arguments.
  private struct Call {
    let number: UInt32
    let block: [sock_filter]
  }

  /// Finds the call among `calls`, which are in the order of their numbers. Jumps that compare reach 255 instructions, others all.
  private static func search(_ calls: ArraySlice<Call>, otherwise refusal: sock_filter) -> [sock_filter] {
    guard let first = calls.first else { return [refusal] }
    if calls.count == 1 {
      let skip: [sock_filter] =
        if let count = UInt8(exactly: first.block.count) {
          [.compare(first.number, otherwiseSkip: count)]
        } else {
          [sock_filter(code: CSECCOMP_COMPARE, jt: 1, jf: 0, k: first.number), .jump(first.block.count)]
        }
      return skip + first.block + [refusal]
    }
    let middle = calls.startIndex + calls.count / 2
    let lower = search(calls[..<middle], otherwise: refusal)
    let number = calls[middle].number
    let skip: [sock_filter] =
      if let count = UInt8(exactly: lower.count) {
        [sock_filter(code: CSECCOMP_COMPARE_ORDER, jt: count, jf: 0, k: number)]
      } else {
        [sock_filter(code: CSECCOMP_COMPARE_ORDER, jt: 0, jf: 1, k: number), .jump(lower.count)]
      }
    return skip + lower + search(calls[middle...], otherwise: refusal)
  }
}

extension SystemCallRule {
  /// The call's number on this architecture.
  fileprivate func number() throws(SystemCallFilterError) -> UInt32 {
    let number = SystemCallInterface.number(of: name)
    guard number >= 0 else { throw .badRule(name, .noFunction) }
    return UInt32(number)
  }

  /// Answers where all conditions hold, and otherwise ends behind the last instruction.
  fileprivate func instructions() throws(SystemCallFilterError) -> [sock_filter] {
    var words: [(offset: UInt32, mask: UInt32, value: UInt32)] = []
    for condition in conditions {
      guard condition.argument < CSECCOMP_ARGUMENT_COUNT, condition.value & ~condition.mask == 0 else {
        throw .badRule(name, .invalidArgument)
      }
      // Programs compare 32 bits: x86 has the lower half first.
      let offset = CSECCOMP_ARGUMENTS_OFFSET + 8 * condition.argument
      for (offset, shift) in [(offset, 0), (offset + 4, 32)] {
        let mask = UInt32(truncatingIfNeeded: condition.mask >> shift)
        if mask != 0 { words.append((offset, mask, UInt32(truncatingIfNeeded: condition.value >> shift))) }
      }
    }
    guard words.count <= Self.wordLimit else { throw .badRule(name, .invalidArgument) }
    // From the end, because each comparison skips what follows it.
    var block: [sock_filter] = [
      .answer(error.map { CSECCOMP_FAIL | UInt32(truncatingIfNeeded: $0) & 0xFFF } ?? CSECCOMP_ALLOW)
    ]
    for word in words.reversed() {
      let mask: [sock_filter] = word.mask == .max ? [] : [.mask(word.mask)]
      block = [.load(word.offset)] + mask + [.compare(word.value, otherwiseSkip: UInt8(block.count))] + block
    }
    return block
  }

  /// So that each comparison reaches the end.
  private static var wordLimit: Int { 16 }
}

extension sock_filter {
  /// Loads a word of the call.
  fileprivate static func load(_ offset: UInt32) -> sock_filter {
    sock_filter(code: CSECCOMP_LOAD, jt: 0, jf: 0, k: offset)
  }

  /// Clears the bits of the word that are not in `mask`.
  fileprivate static func mask(_ mask: UInt32) -> sock_filter {
    sock_filter(code: CSECCOMP_MASK, jt: 0, jf: 0, k: mask)
  }

  /// Skips instructions if the word is not `value`.
  fileprivate static func compare(_ value: UInt32, otherwiseSkip count: UInt8) -> sock_filter {
    sock_filter(code: CSECCOMP_COMPARE, jt: 0, jf: count, k: value)
  }

  /// Skips instructions.
  fileprivate static func jump(_ count: Int) -> sock_filter {
    sock_filter(code: CSECCOMP_JUMP, jt: 0, jf: 0, k: UInt32(truncatingIfNeeded: count))
  }

  /// Ends the program.
  fileprivate static func answer(_ answer: UInt32) -> sock_filter {
    sock_filter(code: CSECCOMP_ANSWER, jt: 0, jf: 0, k: answer)
  }
}
