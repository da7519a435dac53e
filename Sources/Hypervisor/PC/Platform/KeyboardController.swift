import Synchronization

/// The i8042 keyboard controller with an unused keyboard and no mouse. Any vCPU thread.
///
/// IBM PS/2 Hardware Interface Technical Reference, "Keyboard and Auxiliary Device Controller". Ports 60h (offset 0) and
/// 64h (offset 4). Kernels use it to reset the machine, and their search for a keyboard and a mouse ends at once instead
/// of after a time-out.
public final class KeyboardController: BusDevice {
  /// Offset of the data port.
  public static let dataOffset: UInt64 = 0
  /// Offset of the status and command port.
  public static let commandOffset: UInt64 = 4

  /// Bits of the status register.
  private enum Status {
    static let outputFull: UInt8 = 1 << 0
    static let systemFlag: UInt8 = 1 << 2
    static let lastWriteWasCommand: UInt8 = 1 << 3
    static let notInhibited: UInt8 = 1 << 4
  }

  /// Bits of the command byte, which is byte 0 of the controller's memory.
  private enum CommandByte {
    static let keyboardInterrupt: UInt8 = 1 << 0
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
    case echo
    case mouse
  }

  private struct State {
    var memory = [UInt8](repeating: 0, count: 32)
    var outputPort: UInt8 = OutputPort.notReset | OutputPort.a20
    var lastWriteWasCommand = false
    var pending: Pending?
    var keyboard = KeyboardProtocol()
    /// The next answers of the data port. Nothing is added while it is full.
    var output: [UInt8] = []
  }

  /// Maximum number of bytes of output; no answer has as many.
  private static let outputLimit = 16
  /// The input port's bit for "keyboard not locked", which reads as one.
  private static let inputPort: UInt8 = 1 << 7
  /// Result of the mouse's wire test: the clock line is stuck, because there is no mouse.
  private static let mouseTestFailure: UInt8 = 1
  /// No password is set.
  private static let noPassword: UInt8 = 0xF1
  private static let selfTestPassed: UInt8 = 0x55

  private let state: Mutex<State>
  private let end: MachineEndLatch
  private let interrupt: any InterruptLine

  /// Makes a controller that ends the machine through `end` and drives `interrupt`, the keyboard's line (1).
  public init(end: MachineEndLatch, interrupt: any InterruptLine) {
    var state = State()
    state.memory[0] = CommandByte.keyboardInterrupt | CommandByte.systemFlag | CommandByte.translation
    self.state = Mutex(state)
    self.end = end
    self.interrupt = interrupt
  }

  /// Reads an answer from the data port, or the status.
  public func read(offset: UInt64, byteCount: Int) -> UInt64 {
    guard byteCount == 1 else { return .max }
    switch offset {
    case Self.dataOffset:
      return state.withLock { state in
        let value = state.output.isEmpty ? 0 : state.output.removeFirst()
        // The line falls between two bytes, because an edge causes the interrupt.
        interrupt.set(active: false)
        updateInterrupt(state)
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
      updateInterrupt(state)
    }
  }

  private static func status(_ state: State) -> UInt8 {
    var status = Status.notInhibited
    if !state.output.isEmpty { status |= Status.outputFull }
    if state.memory[0] & CommandByte.systemFlag != 0 { status |= Status.systemFlag }
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
    case 0xA9: Self.answer(&state, Self.mouseTestFailure)
    case 0xAA:
      state.memory[0] |= CommandByte.systemFlag
      Self.answer(&state, Self.selfTestPassed)
    case 0xAB: Self.answer(&state, 0)  // the keyboard's wires are fine
    case 0xAD: state.memory[0] |= CommandByte.keyboardDisabled
    case 0xAE: state.memory[0] &= ~CommandByte.keyboardDisabled
    case 0xC0: Self.answer(&state, Self.inputPort)
    case 0xD0: Self.answer(&state, state.outputPort)
    case 0xD1: state.pending = .writeOutputPort
    // Without a mouse, a byte for its buffer comes back as the keyboard's, by which kernels see that there is none.
    case 0xD2, 0xD3: state.pending = .echo
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
    case .echo: Self.answer(&state, byte)
    case .mouse: return
    case nil: for answer in state.keyboard.answers(to: byte) { Self.answer(&state, answer) }
    }
  }

  private static func answer(_ state: inout State, _ byte: UInt8) {
    if state.output.count < outputLimit { state.output.append(byte) }
  }

  private func updateInterrupt(_ state: State) {
    interrupt.set(
      active: !state.output.isEmpty && state.memory[0] & CommandByte.keyboardInterrupt != 0)
  }
}
