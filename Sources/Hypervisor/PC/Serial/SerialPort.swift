import Synchronization

/// A serial port of a PC: a 16550A UART with FIFOs, of eight ports (Texas Instruments PC16550D data sheet).
///
/// What the guest transmits goes to the endpoint at once; while the endpoint has no room it waits in the transmit FIFO,
/// and the driver sees a transmitter that is not empty, as on a slow line. What the endpoint sends comes into the receive
/// FIFO as far as there is room, so that nothing is overrun. A character takes no time, whatever the divisor says: the
/// timeout interrupt for a FIFO below its trigger level is raised at once.
///
/// vCPU threads and the endpoint's device thread share it. The lock is held while the endpoint's buffer and the
/// interrupt line are reached, neither of which waits.
public final class SerialPort: BusDevice, ConsoleDevice {
  /// Number of ports of a serial port.
  public static let portCount: UInt64 = 8

  private let line: any InterruptLine
  private let endpoint: (any ConsoleEndpoint)?
  private let state: Mutex<SerialPortState>

  /// A port that drives `line`; without an endpoint nothing comes in, and what the guest sends is thrown away.
  ///
  /// - Parameter awaitsDriver: Whether input waits in the endpoint while no driver takes it by interrupts and asserts RTS.
  ///   Linux does both from the first open of the port on.
  public init(line: any InterruptLine, endpoint: (any ConsoleEndpoint)? = nil, awaitsDriver: Bool = false) {
    state = Mutex(SerialPortState(awaitsDriver: awaitsDriver))
    self.line = line
    self.endpoint = endpoint
    endpoint?.attach(self)
  }

  /// Reads registers, one for each byte.
  public func read(offset: UInt64, byteCount: Int) -> UInt64 {
    var result: UInt64 = 0
    for index in 0..<UInt64(clamping: min(byteCount, 8)) {
      let (port, overflow) = offset.addingReportingOverflow(index)
      let byte = overflow ? nil : SerialRegister(rawValue: port).map { access(reading: $0) }
      result |= UInt64(byte ?? 0xFF) << (index * 8)
    }
    return result
  }

  /// Writes registers, one for each byte.
  public func write(offset: UInt64, byteCount: Int, value: UInt64) {
    for index in 0..<UInt64(clamping: min(byteCount, 8)) {
      let (port, overflow) = offset.addingReportingOverflow(index)
      guard !overflow, let register = SerialRegister(rawValue: port) else { continue }
      access { $0.write(register, UInt8(truncatingIfNeeded: value >> (index * 8))) }
    }
  }

  /// Takes as many bytes as the receive FIFO has room for, and returns their number.
  public func receive(_ bytes: [UInt8]) -> Int { access { $0.receive(bytes) } }

  /// Sends the characters that wait in the transmit FIFO.
  public func endpointHasRoom() { access { _ in } }

  /// Sends the guest a break: a NUL with LSR.BI.
  @discardableResult
  public func injectBreak() -> Bool { access { $0.inject([SerialCharacter(byte: 0, isBreak: true)]) } }

  /// Sends the guest a break and `character`, which Linux treats as a magic SysRq.
  @discardableResult
  public func sysRq(_ character: UInt8) -> Bool {
    access { $0.inject([SerialCharacter(byte: 0, isBreak: true), SerialCharacter(byte: character)]) }
  }

  /// Does nothing, because a serial line has no size.
  public func windowSizeChanged(_ size: ConsoleSize) {}

  private func access(reading register: SerialRegister) -> UInt8 { access { $0.read(register) } }

  /// Changes the registers, then drives the line and the endpoint accordingly.
  private func access<Result: Sendable>(_ body: (inout SerialPortState) -> Result) -> Result {
    let (result, hasRoom) = state.withLock { state in
      let result = body(&state)
      transmit(&state)
      driveLine(&state)
      return (result, state.takeRoomToTell())
    }
    if hasRoom { endpoint?.deviceHasRoom() }
    return result
  }

  private func transmit(_ state: inout SerialPortState) {
    let bytes = state.waitingToTransmit
    guard !bytes.isEmpty else { return }
    state.transmitted(endpoint?.write(bytes) ?? bytes.count)
  }

  private func driveLine(_ state: inout SerialPortState) {
    if state.takeAcknowledgement(), state.isLineActive {
      // The cause was gone before it came back, which an edge-triggered interrupt chip must see.
      line.set(active: false)
      state.isLineActive = false
    }
    let isActive = state.pendingInterrupt != nil
    guard isActive != state.isLineActive else { return }
    state.isLineActive = isActive
    line.set(active: isActive)
  }
}

extension SerialPort {
  /// The ports and interrupt line of a PC's serial port.
  public struct Location: Hashable, Sendable {
    /// The first port.
    public let base: PortAddress
    /// Its interrupt line; two ports share one.
    public let irq: UInt32

    /// COM1, ttyS0.
    public static let com1 = Location(base: PortAddress(0x3F8), irq: 4)
    /// COM2, ttyS1.
    public static let com2 = Location(base: PortAddress(0x2F8), irq: 3)
    /// COM3, ttyS2.
    public static let com3 = Location(base: PortAddress(0x3E8), irq: 4)
    /// COM4, ttyS3.
    public static let com4 = Location(base: PortAddress(0x2E8), irq: 3)
    /// All four, in the order of their numbers.
    public static let all = [com1, com2, com3, com4]
  }
}
