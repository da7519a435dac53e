/// A movement of the mouse since the last one, and the state of its buttons.
public struct PointerMovement: Equatable, Sendable {
  /// The buttons that are held.
  public struct Buttons: OptionSet, Sendable {
    /// Bits of the first byte of a packet.
    public let rawValue: UInt8
    /// Wraps the bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The left button.
    public static let left = Buttons(rawValue: 1 << 0)
    /// The right button.
    public static let right = Buttons(rawValue: 1 << 1)
    /// The middle button.
    public static let middle = Buttons(rawValue: 1 << 2)
  }

  /// Counts to the right.
  public var right: Int32
  /// Counts towards the bottom of the screen.
  public var down: Int32
  /// Notches of the wheel towards the user.
  public var wheel: Int32
  /// The buttons that are held now.
  public var buttons: Buttons

  /// A movement.
  public init(right: Int32 = 0, down: Int32 = 0, wheel: Int32 = 0, buttons: Buttons = []) {
    self.right = right
    self.down = down
    self.wheel = wheel
    self.buttons = buttons
  }
}

/// A PS/2 mouse with three buttons and, once the driver has asked for it, a wheel (IntelliMouse; IBM PS/2 Hardware Interface
/// Technical Reference, "Mouse").
struct PS2Mouse {
  private enum Answer {
    static let acknowledge: UInt8 = 0xFA
    static let resend: UInt8 = 0xFE
    static let selfTestPassed: UInt8 = 0xAA
  }

  private enum Command {
    static let setScaling1: UInt8 = 0xE6
    static let setScaling2: UInt8 = 0xE7
    static let setResolution: UInt8 = 0xE8
    static let status: UInt8 = 0xE9
    static let setStream: UInt8 = 0xEA
    static let read: UInt8 = 0xEB
    static let endWrap: UInt8 = 0xEC
    static let wrap: UInt8 = 0xEE
    static let setRemote: UInt8 = 0xF0
    static let identify: UInt8 = 0xF2
    static let setRate: UInt8 = 0xF3
    static let enable: UInt8 = 0xF4
    static let disable: UInt8 = 0xF5
    static let setDefaults: UInt8 = 0xF6
    static let reset: UInt8 = 0xFF
  }

  /// The identities of a mouse without and with a wheel.
  private enum Identity {
    static let plain: UInt8 = 0
    static let wheel: UInt8 = 3
  }

  /// What the driver sets, and a reset restores.
  private struct Settings {
    var identity = Identity.plain
    var isReporting = false
    var isRemote = false
    var wraps = false
    var doublesScale = false
    var resolution: UInt8 = 2
    var rate: UInt8 = 100
    /// The last three rates: 200, 100, 80 asks for the wheel.
    var rates: [UInt8] = []
  }

  private static let wheelRates: [UInt8] = [200, 100, 80]
  /// Maximum number of bytes of answers.
  private static let answerLimit = 16
  /// Maximum number of button changes that wait for the guest; later ones replace the last.
  private static let movementLimit = 64
  /// Maximum distance that waits for the guest, in counts.
  private static let distanceLimit: Int32 = 0x7FFF

  private var settings = Settings()
  private var awaiting: UInt8?
  private var answers: [UInt8] = []
  private var movements: [PointerMovement] = []
  private var buttons: PointerMovement.Buttons = []
  /// The rest of the packet that is being sent.
  private var packet: [UInt8] = []

  private var sendsMovements: Bool { settings.isReporting && !settings.isRemote && !settings.wraps }

  /// Takes the next byte: answers go before movements, but not into the middle of a packet.
  mutating func takeByte() -> UInt8? {
    if packet.isEmpty {
      if !answers.isEmpty { return answers.removeFirst() }
      guard sendsMovements, !movements.isEmpty else { return nil }
      packet = nextPacket()
    }
    return packet.removeFirst()
  }

  /// Reports a movement. Dropped, except for the buttons, while the driver has not enabled the mouse.
  mutating func report(_ movement: PointerMovement) {
    buttons = movement.buttons
    guard settings.isReporting else { return }
    // Movements with the same buttons add up, so that a slow guest gets fewer packets.
    if let last = movements.last, last.buttons == movement.buttons || movements.count >= Self.movementLimit {
      movements[movements.count - 1] = PointerMovement(
        right: Self.bounded(last.right, movement.right), down: Self.bounded(last.down, movement.down),
        wheel: Self.bounded(last.wheel, movement.wheel), buttons: movement.buttons)
    } else {
      movements.append(
        PointerMovement(
          right: Self.bounded(0, movement.right), down: Self.bounded(0, movement.down),
          wheel: Self.bounded(0, movement.wheel), buttons: movement.buttons))
    }
  }

  private static func bounded(_ first: Int32, _ second: Int32) -> Int32 {
    let (sum, overflow) = first.addingReportingOverflow(second)
    if overflow { return second < 0 ? -distanceLimit : distanceLimit }
    return max(-distanceLimit, min(distanceLimit, sum))
  }

  /// The packet of the first movement, or of as much of it as a packet holds.
  private mutating func nextPacket() -> [UInt8] {
    guard var movement = movements.first else {
      return Self.packet(PointerMovement(buttons: buttons), settings)
    }
    let step = PointerMovement(
      right: max(-255, min(255, movement.right)), down: max(-255, min(255, movement.down)),
      wheel: max(-8, min(7, movement.wheel)), buttons: movement.buttons)
    movement.right -= step.right
    movement.down -= step.down
    movement.wheel = settings.identity == Identity.wheel ? movement.wheel - step.wheel : 0
    if movement.right == 0, movement.down == 0, movement.wheel == 0 {
      movements.removeFirst()
    } else {
      movements[0] = movement
    }
    return Self.packet(step, settings)
  }

  /// Buttons and signs, distance to the right, distance upwards, and the wheel.
  private static func packet(_ step: PointerMovement, _ settings: Settings) -> [UInt8] {
    let up = -step.down
    var first: UInt8 = 1 << 3 | step.buttons.rawValue & 7
    if step.right < 0 { first |= 1 << 4 }
    if up < 0 { first |= 1 << 5 }
    let distances = [UInt8(truncatingIfNeeded: step.right), UInt8(truncatingIfNeeded: up)]
    let wheel = settings.identity == Identity.wheel ? [UInt8(truncatingIfNeeded: step.wheel)] : []
    return [first] + distances + wheel
  }

  /// Takes a byte from the controller: a command or its argument.
  mutating func receive(_ byte: UInt8) {
    if settings.wraps, byte != Command.reset, byte != Command.endWrap { return answer([byte]) }
    if let command = awaiting {
      awaiting = nil
      return receive(argument: byte, of: command)
    }
    switch byte {
    case Command.setRate, Command.setResolution:
      awaiting = byte
      answer([Answer.acknowledge])
    case Command.identify: answer([Answer.acknowledge, settings.identity])
    case Command.status: answer([Answer.acknowledge] + status)
    case Command.read: answer([Answer.acknowledge] + nextPacket())
    case Command.reset:
      settings = Settings()
      restart([Answer.acknowledge, Answer.selfTestPassed, settings.identity])
    case Command.setDefaults:
      let identity = settings.identity
      settings = Settings()
      settings.identity = identity
      restart([Answer.acknowledge])
    default:
      if set(byte) { restart([Answer.acknowledge]) } else { answer([Answer.resend]) }
    }
  }

  /// Carries out a command that sets something. Returns false for another command.
  private mutating func set(_ command: UInt8) -> Bool {
    switch command {
    case Command.setScaling1: settings.doublesScale = false
    case Command.setScaling2: settings.doublesScale = true
    case Command.setStream: settings.isRemote = false
    case Command.setRemote: settings.isRemote = true
    case Command.wrap: settings.wraps = true
    case Command.endWrap: settings.wraps = false
    case Command.enable: settings.isReporting = true
    case Command.disable: settings.isReporting = false
    default: return false
    }
    return true
  }

  private mutating func receive(argument: UInt8, of command: UInt8) {
    if command == Command.setRate {
      settings.rate = argument
      settings.rates = settings.rates.suffix(2) + [argument]
      if settings.rates == Self.wheelRates { settings.identity = Identity.wheel }
    } else {
      settings.resolution = argument
    }
    answer([Answer.acknowledge])
  }

  private var status: [UInt8] {
    var first: UInt8 = 0
    if buttons.contains(.right) { first |= 1 << 0 }
    if buttons.contains(.middle) { first |= 1 << 1 }
    if buttons.contains(.left) { first |= 1 << 2 }
    if settings.doublesScale { first |= 1 << 4 }
    if settings.isReporting { first |= 1 << 5 }
    if settings.isRemote { first |= 1 << 6 }
    return [first, settings.resolution, settings.rate]
  }

  /// Forgets what waits, as every command but a question does.
  private mutating func restart(_ bytes: [UInt8]) {
    (movements, packet) = ([], [])
    answer(bytes)
  }

  private mutating func answer(_ bytes: [UInt8]) {
    answers += bytes.prefix(max(0, Self.answerLimit - answers.count))
  }
}
