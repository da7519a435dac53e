/// A PS/2 keyboard with scan code set 2: the answers to commands, and the codes of keys (IBM PS/2 Hardware Interface Technical
/// Reference, "Keyboard Commands").
struct PS2Keyboard {
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
    static let enable: UInt8 = 0xF4
    static let disable: UInt8 = 0xF5
    static let setDefaults: UInt8 = 0xF6
    static let reset: UInt8 = 0xFF
  }

  /// The bit of Caps Lock among the lights.
  private static let capsLockLight: UInt8 = 1 << 2
  /// Maximum number of bytes of answers; no answer has as many.
  private static let answerLimit = 16
  /// Maximum number of presses and releases that wait for the guest: more than a keyboard has room for, because viewers paste text.
  private static let keyLimit = 1024
  /// The same for releases, which have room of their own, so that no key of a guest that is slow gets stuck.
  private static let releaseLimit = 1280

  /// The command whose argument is next.
  private var awaiting: UInt8?
  /// Whether keys are reported: not before a driver has enabled or reset the keyboard, because a controller whose keyboard sends
  /// codes meanwhile counts as absent (Linux reads 16 bytes at most before its first command).
  private var isScanning = false
  private var lights: UInt8 = 0
  private var answers: [UInt8] = []
  private var keys: [[UInt8]] = []
  /// The rest of the sequence that is being sent.
  private var sequence: [UInt8] = []

  /// Whether the guest shows that Caps Lock is on.
  var showsCapsLock: Bool { lights & Self.capsLockLight != 0 }

  /// Takes the next byte: answers go before keys, but not into the middle of a key's sequence.
  mutating func takeByte() -> UInt8? {
    if sequence.isEmpty {
      if !answers.isEmpty { return answers.removeFirst() }
      guard !keys.isEmpty else { return nil }
      sequence = keys.removeFirst()
    }
    return sequence.removeFirst()
  }

  /// Reports that a key goes down or up. Dropped while the guest has the keyboard switched off, or does not read it.
  mutating func report(_ key: KeyCode, isDown: Bool) {
    let bytes = key.bytes(isDown: isDown)
    guard isScanning, !bytes.isEmpty, keys.count < (isDown ? Self.keyLimit : Self.releaseLimit) else {
      return
    }
    keys.append(bytes)
  }

  /// Takes a byte from the controller: a command or its argument.
  mutating func receive(_ byte: UInt8) {
    if let command = awaiting {
      awaiting = nil
      return receive(argument: byte, of: command)
    }
    switch byte {
    case Command.setLights, Command.scanCodeSet, Command.setRepeat:
      awaiting = byte
      answer([Answer.acknowledge])
    case Command.echo: answer([Answer.echo])
    case Command.identify: answer([Answer.acknowledge] + Answer.identity)
    case Command.enable: restart(isScanning: true, [Answer.acknowledge])
    case Command.disable: restart(isScanning: false, [Answer.acknowledge])
    case Command.setDefaults: restart(isScanning: isScanning, [Answer.acknowledge])
    case Command.reset: restart(isScanning: true, [Answer.acknowledge, Answer.selfTestPassed])
    case 0xF7...0xFA: answer([Answer.acknowledge])  // repetition of all keys
    default: answer([Answer.resend])
    }
  }

  private mutating func receive(argument: UInt8, of command: UInt8) {
    switch (command, argument) {
    // Set 0 asks for the current set.
    case (Command.scanCodeSet, 0): answer([Answer.acknowledge, Answer.scanCodeSet])
    // No other set is there to be chosen.
    case (Command.scanCodeSet, _) where argument != Answer.scanCodeSet: answer([Answer.resend])
    case (Command.setLights, _):
      lights = argument
      answer([Answer.acknowledge])
    default: answer([Answer.acknowledge])
    }
  }

  private mutating func restart(isScanning: Bool, _ bytes: [UInt8]) {
    self.isScanning = isScanning
    (keys, sequence) = ([], [])
    answer(bytes)
  }

  private mutating func answer(_ bytes: [UInt8]) {
    answers += bytes.prefix(max(0, Self.answerLimit - answers.count))
  }
}
