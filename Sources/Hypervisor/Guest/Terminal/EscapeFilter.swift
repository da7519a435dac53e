/// Finds the commands that are meant for the terminal itself in what is typed: the escape key, Ctrl-A, and a letter.
struct EscapeFilter {
  /// What a byte means.
  enum Action: Hashable {
    /// Goes to the guest.
    case send(ConsoleInput)
    /// The machine is to end.
    case quit
    /// The keys are to be listed.
    case help
    /// The first half of a command, or one that does not exist.
    case nothing
  }

  /// Ctrl-A.
  static let escape: UInt8 = 0x01

  /// The help text of the escape keys.
  static let helpText =
    "\r\n"
    + "Ctrl-A x       end the virtual machine\r\n"
    + "Ctrl-A b       send a break\r\n"
    + "Ctrl-A Ctrl-A  send Ctrl-A (or Ctrl-A a)\r\n"
    + "Ctrl-A h       show these keys (or Ctrl-A ?)\r\n"

  private var isEscaped = false

  /// What the next byte means.
  mutating func next(_ byte: UInt8) -> Action {
    guard isEscaped else {
      isEscaped = byte == Self.escape
      return isEscaped ? .nothing : .send(.byte(byte))
    }
    isEscaped = false
    switch byte {
    case UInt8(ascii: "x"), UInt8(ascii: "X"): return .quit
    case UInt8(ascii: "b"), UInt8(ascii: "B"): return .send(.break)
    case UInt8(ascii: "a"), UInt8(ascii: "A"), Self.escape: return .send(.byte(Self.escape))
    case UInt8(ascii: "h"), UInt8(ascii: "H"), UInt8(ascii: "?"): return .help
    default: return .nothing
    }
  }
}
