import Synchronization

/// The i8042 controller of a PS/2 keyboard and, in a machine with a display, a PS/2 mouse. Any thread.
///
/// IBM PS/2 Hardware Interface Technical Reference, "Keyboard and Auxiliary Device Controller". Ports 60h (offset 0) and
/// 64h (offset 4). Kernels also use it to reset the machine. Without a mouse their search for one ends at once instead of after a
/// time-out.
public final class KeyboardController: BusDevice {
  /// Offset of the data port.
  public static let dataOffset: UInt64 = 0
  /// Offset of the status and command port.
  public static let commandOffset: UInt64 = 4
  /// The interrupt line of the keyboard.
  public static let keyboardLine: UInt32 = 1
  /// The interrupt line of the mouse.
  public static let mouseLine: UInt32 = 12

  /// Bits of the status register.
  private enum Status {
    static let outputFull: UInt8 = 1 << 0
    static let systemFlag: UInt8 = 1 << 2
    static let lastWriteWasCommand: UInt8 = 1 << 3
    static let notInhibited: UInt8 = 1 << 4
    static let outputFromMouse: UInt8 = 1 << 5
  }

  /// Bits of the command byte, which is byte 0 of the controller's memory.
  private enum CommandByte {
    static let keyboardInterrupt: UInt8 = 1 << 0
    static let mouseInterrupt: UInt8 = 1 << 1
    static let systemFlag: UInt8 = 1 << 2
    static let keyboardDisabled: UInt8 = 1 << 4
    static let mouseDisabled: UInt8 = 1 << 5
    static let translation: UInt8 = 1 << 6
  }

  /// Bits of the output port.
  private enum OutputPort {
    static let notReset: UInt8 = 1 << 0
    static let a20: UInt8 = 1 << 1
  }

  /// A command that waits for its byte from the data port.
  private enum Pending {
    case writeMemory(Int)
    case writeOutputPort
    case echo(fromMouse: Bool)
    case mouse
  }

  /// A byte for the data port, and the device that it seems to come from.
  private struct Output {
    var byte: UInt8
    var isFromMouse = false
  }

  private struct State {
    var memory = [UInt8](repeating: 0, count: 32)
    var outputPort: UInt8 = OutputPort.notReset | OutputPort.a20
    var lastWriteWasCommand = false
    var pending: Pending?
    var keyboard = PS2Keyboard()
    var translation = ScanCodeTranslation()
    var mouse: PS2Mouse?
    /// The controller's own answers. Nothing is added while it is full.
    var answers: [Output] = []
    /// The byte that the data port returns next.
    var output: Output?
    /// The levels of the two lines.
    var interruptsForKeyboard = false
    var interruptsForMouse = false

    func isSet(_ bit: UInt8) -> Bool { memory[0] & bit != 0 }
  }

  /// Maximum number of the controller's own answers that wait.
  private static let answerLimit = 16
  /// The input port's bit for "keyboard not locked", which reads as one.
  private static let inputPort: UInt8 = 1 << 7
  /// Result of the mouse's wire test: the clock line is stuck, because there is no mouse.
  private static let mouseTestFailure: UInt8 = 1
  /// The answer that says that the controller has no password.
  private static let noPassword: UInt8 = 0xF1
  private static let selfTestPassed: UInt8 = 0x55

  private let state: Mutex<State>
  private let end: MachineEndLatch
  private let keyboardInterrupt: any InterruptLine
  private let mouseInterrupt: any InterruptLine

  /// Makes a controller that ends the machine through `end`.
  ///
  /// - Parameters:
  ///   - hasMouse: whether there is a mouse beside the keyboard.
  ///   - interruptLine: makes the lines ``keyboardLine`` and ``mouseLine``.
  public init(
    end: MachineEndLatch, hasMouse: Bool = false, interruptLine: (_ gsi: UInt32) -> any InterruptLine
  ) {
    var state = State()
    state.memory[0] = CommandByte.keyboardInterrupt | CommandByte.systemFlag | CommandByte.translation
    if hasMouse { state.mouse = PS2Mouse() }
    self.state = Mutex(state)
    self.end = end
    keyboardInterrupt = interruptLine(Self.keyboardLine)
    mouseInterrupt = interruptLine(Self.mouseLine)
  }

  // MARK: Input

  /// Presses or releases a key. Any thread.
  public func report(_ key: KeyCode, isDown: Bool) {
    state.withLock { state in
      state.keyboard.report(key, isDown: isDown)
      advance(&state)
    }
  }

  /// Whether the keyboard's light shows that the guest has Caps Lock on. Any thread.
  public var showsCapsLock: Bool { state.withLock { $0.keyboard.showsCapsLock } }

  /// Moves the mouse, or changes its buttons; does nothing without one. Any thread.
  public func report(_ movement: PointerMovement) {
    state.withLock { state in
      state.mouse?.report(movement)
      advance(&state)
    }
  }

  // MARK: Ports

  /// Reads an answer from the data port, or the status.
  public func read(offset: UInt64, byteCount: Int) -> UInt64 {
    guard byteCount == 1 else { return .max }
    switch offset {
    case Self.dataOffset:
      return state.withLock { state in
        let value = state.output?.byte ?? 0
        state.output = nil
        // The lines fall between two bytes, because an edge causes the interrupt.
        drive(&state)
        advance(&state)
        return UInt64(value)
      }
    case Self.commandOffset: return state.withLock { UInt64(Self.status($0)) }
    default: return .max
    }
  }

  /// Takes a command, or a byte for the keyboard or for the previous command.
  public func write(offset: UInt64, byteCount: Int, value: UInt64) {
    guard byteCount == 1 else { return }
    let byte = UInt8(truncatingIfNeeded: value)
    state.withLock { state in
      switch offset {
      case Self.dataOffset:
        state.lastWriteWasCommand = false
        takeData(&state, byte)
      case Self.commandOffset:
        state.lastWriteWasCommand = true
        state.pending = nil
        takeCommand(&state, byte)
      default: return
      }
      advance(&state)
    }
  }

  private static func status(_ state: State) -> UInt8 {
    var status = Status.notInhibited
    if let output = state.output {
      status |= Status.outputFull
      if output.isFromMouse { status |= Status.outputFromMouse }
    }
    if state.isSet(CommandByte.systemFlag) { status |= Status.systemFlag }
    if state.lastWriteWasCommand { status |= Status.lastWriteWasCommand }
    return status
  }

  private func takeCommand(_ state: inout State, _ command: UInt8) {
    switch command {
    case 0x20...0x3F: Self.answer(&state, state.memory[Int(command & 0x1F)])
    case 0x60...0x7F: state.pending = .writeMemory(Int(command & 0x1F))
    case 0xA4: Self.answer(&state, Self.noPassword)
    case 0xA7: state.memory[0] |= CommandByte.mouseDisabled
    case 0xA8: state.memory[0] &= ~CommandByte.mouseDisabled
    case 0xA9: Self.answer(&state, state.mouse == nil ? Self.mouseTestFailure : 0)
    case 0xAA:
      state.memory[0] |= CommandByte.systemFlag
      Self.answer(&state, Self.selfTestPassed)
    case 0xAB: Self.answer(&state, 0)  // the keyboard's wires are fine
    case 0xAD: state.memory[0] |= CommandByte.keyboardDisabled
    case 0xAE: state.memory[0] &= ~CommandByte.keyboardDisabled
    case 0xC0: Self.answer(&state, Self.inputPort)
    case 0xD0: Self.answer(&state, state.outputPort)
    case 0xD1: state.pending = .writeOutputPort
    case 0xD2: state.pending = .echo(fromMouse: false)
    // Without a mouse the byte is echoed as the keyboard's, by which kernels detect that the mouse is missing.
    case 0xD3: state.pending = .echo(fromMouse: state.mouse != nil)
    case 0xD4: state.pending = .mouse
    // Pulses each line whose bit is zero; line 0 is the processor's reset.
    case 0xF0...0xFF: if command & OutputPort.notReset == 0 { end.end(.reset) }
    default: return
    }
  }

  private func takeData(_ state: inout State, _ byte: UInt8) {
    let pending = state.pending
    state.pending = nil
    switch pending {
    case .writeMemory(let index): state.memory[index] = byte
    case .writeOutputPort:
      state.outputPort = byte | OutputPort.notReset
      if byte & OutputPort.notReset == 0 { end.end(.reset) }
    case .echo(let fromMouse): Self.answer(&state, byte, fromMouse: fromMouse)
    // A byte for a device enables its wires, so that its answer comes.
    case .mouse:
      state.memory[0] &= ~CommandByte.mouseDisabled
      state.mouse?.receive(byte)
    case nil:
      state.memory[0] &= ~CommandByte.keyboardDisabled
      state.keyboard.receive(byte)
    }
  }

  private static func answer(_ state: inout State, _ byte: UInt8, fromMouse: Bool = false) {
    if state.answers.count < answerLimit {
      state.answers.append(Output(byte: byte, isFromMouse: fromMouse))
    }
  }

  // MARK: Output buffer

  /// Fills the output buffer if it is empty, and drives the lines.
  private func advance(_ state: inout State) {
    if state.output == nil { state.output = Self.nextOutput(&state) }
    drive(&state)
  }

  /// Drives the lines as the output buffer requires, each only when its level changes.
  private func drive(_ state: inout State) {
    let output = state.output
    let forKeyboard = output?.isFromMouse == false && state.isSet(CommandByte.keyboardInterrupt)
    let forMouse = output?.isFromMouse == true && state.isSet(CommandByte.mouseInterrupt)
    if forKeyboard != state.interruptsForKeyboard { keyboardInterrupt.set(active: forKeyboard) }
    if forMouse != state.interruptsForMouse { mouseInterrupt.set(active: forMouse) }
    (state.interruptsForKeyboard, state.interruptsForMouse) = (forKeyboard, forMouse)
  }

  private static func nextOutput(_ state: inout State) -> Output? {
    if !state.answers.isEmpty { return state.answers.removeFirst() }
    while !state.isSet(CommandByte.keyboardDisabled), let byte = state.keyboard.takeByte() {
      guard state.isSet(CommandByte.translation) else { return Output(byte: byte) }
      if let translated = state.translation.translate(byte) { return Output(byte: translated) }
    }
    guard !state.isSet(CommandByte.mouseDisabled), let byte = state.mouse?.takeByte() else { return nil }
    return Output(byte: byte, isFromMouse: true)
  }
}
