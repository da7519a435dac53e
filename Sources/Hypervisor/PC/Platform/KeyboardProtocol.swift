/// The answers of a keyboard (IBM PS/2 Hardware Interface Technical Reference, "Keyboard Commands").
struct KeyboardProtocol {
  private enum Answer {
    static let acknowledge: UInt8 = 0xFA
    static let resend: UInt8 = 0xFE
    static let selfTestPassed: UInt8 = 0xAA
    static let echo: UInt8 = 0xEE
    static let identity: [UInt8] = [0xAB, 0x83]
    static let scanCodeSet: UInt8 = 2
  }

  private enum Command {
    static let setLights: UInt8 = 0xED
    static let echo: UInt8 = 0xEE
    static let scanCodeSet: UInt8 = 0xF0
    static let identify: UInt8 = 0xF2
    static let setRepeat: UInt8 = 0xF3
    static let reset: UInt8 = 0xFF
  }

  /// The command whose argument is next.
  private var awaiting: UInt8?

  /// The answers to `byte`.
  mutating func answers(to byte: UInt8) -> [UInt8] {
    if let command = awaiting {
      awaiting = nil
      // Set 0 asks for the current set.
      if command == Command.scanCodeSet && byte == 0 { return [Answer.acknowledge, Answer.scanCodeSet] }
      return [Answer.acknowledge]
    }
    switch byte {
    case Command.setLights, Command.scanCodeSet, Command.setRepeat:
      awaiting = byte
      return [Answer.acknowledge]
    case Command.echo: return [Answer.echo]
    case Command.identify: return [Answer.acknowledge] + Answer.identity
    case Command.reset: return [Answer.acknowledge, Answer.selfTestPassed]
    case 0xF4...0xFA: return [Answer.acknowledge]  // enable, disable, defaults, repetition of all keys
    default: return [Answer.resend]
    }
  }
}
