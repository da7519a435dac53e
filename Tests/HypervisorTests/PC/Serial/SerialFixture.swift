import Hypervisor

/// A serial port whose interrupt line and endpoint are a test's.
struct SerialFixture {
  static let irq: UInt32 = 4

  let lines = InterruptLineRecorder()
  let endpoint: FakeConsoleEndpoint
  let port: SerialPort

  init(room: Int = .max, awaitsDriver: Bool = false) {
    endpoint = FakeConsoleEndpoint(room: room)
    port = SerialPort(line: lines.line(Self.irq), endpoint: endpoint, awaitsDriver: awaitsDriver)
  }

  /// A port with FIFOs, which interrupts from 8 characters on.
  static func started(room: Int = .max, interrupts: UInt8 = 0) -> SerialFixture {
    let fixture = SerialFixture(room: room)
    fixture.write(UART.fifoControl, 0x87)
    fixture.write(UART.interruptEnable, interrupts)
    return fixture
  }

  var isInterrupting: Bool { lines.active == [Self.irq] }

  func read(_ register: UInt64) -> UInt8 {
    UInt8(truncatingIfNeeded: port.read(offset: register, byteCount: 1))
  }

  func write(_ register: UInt64, _ value: UInt8) {
    port.write(offset: register, byteCount: 1, value: UInt64(value))
  }

  /// Reads as many characters as there are.
  func drain() -> [UInt8] {
    var bytes: [UInt8] = []
    while read(UART.lineStatus) & 0x01 != 0 { bytes.append(read(UART.data)) }
    return bytes
  }
}

/// The registers of a 16550A, as its driver names them.
enum UART {
  static let data: UInt64 = 0
  static let interruptEnable: UInt64 = 1
  static let interruptIdentification: UInt64 = 2
  static let fifoControl: UInt64 = 2
  static let lineControl: UInt64 = 3
  static let modemControl: UInt64 = 4
  static let lineStatus: UInt64 = 5
  static let modemStatus: UInt64 = 6
  static let scratch: UInt64 = 7
}
