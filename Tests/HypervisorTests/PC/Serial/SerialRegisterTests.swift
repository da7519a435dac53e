import HostSystem
import Hypervisor
import Testing

/// What a driver of the 8250 family does to find out what it has.
@Suite struct SerialRegisterTests {
  @Test func `the interrupt enable register keeps its four bits`() {
    let fixture = SerialFixture()
    fixture.write(UART.interruptEnable, 0)
    #expect(fixture.read(UART.interruptEnable) == 0)
    fixture.write(UART.interruptEnable, 0xFF)
    #expect(fixture.read(UART.interruptEnable) == 0x0F)
  }

  @Test func `the scratch register keeps a byte`() {
    let fixture = SerialFixture()
    for value: UInt8 in [0x55, 0xAA] {
      fixture.write(UART.scratch, value)
      #expect(fixture.read(UART.scratch) == value)
    }
  }

  @Test func `in loopback the modem status shows the port's own outputs`() {
    let fixture = SerialFixture()
    fixture.write(UART.modemControl, 0x10 | 0x08 | 0x02)
    #expect(fixture.read(UART.modemStatus) & 0xF0 == 0x90)
    fixture.write(UART.modemControl, 0x10 | 0x04 | 0x01)
    #expect(fixture.read(UART.modemStatus) & 0xF0 == 0x60)
    fixture.write(UART.modemControl, 0)
    #expect(fixture.read(UART.modemStatus) & 0xF0 == 0xB0)
    #expect(fixture.read(UART.modemControl) == 0)
  }

  @Test func `with FIFOs it is a 16550A, and without an 8250`() {
    let fixture = SerialFixture()
    #expect(fixture.read(UART.interruptIdentification) == 0x01)
    fixture.write(UART.fifoControl, 0x01)
    #expect(fixture.read(UART.interruptIdentification) == 0xC1)
    fixture.write(UART.fifoControl, 0x00)
    #expect(fixture.read(UART.interruptIdentification) == 0x01)
  }

  @Test func `it does not look like one of its successors`() {
    let fixture = SerialFixture.started()
    for lineControl: UInt8 in [0x80, 0xBF] {
      // The enhanced feature register of a 16650 or 16850 would be zero here.
      fixture.write(UART.lineControl, lineControl)
      #expect(fixture.read(UART.interruptIdentification) == 0xC1)
    }
    // A FIFO of 64 bytes would show in bit 5.
    fixture.write(UART.fifoControl, 0x21)
    #expect(fixture.read(UART.interruptIdentification) >> 5 == 6)
  }

  @Test func `the divisor latch hides data and interrupt enable`() {
    let fixture = SerialFixture.started(interrupts: 0x05)
    fixture.write(UART.lineControl, 0x83)
    fixture.write(UART.data, 0x01)
    fixture.write(UART.interruptEnable, 0x02)
    #expect(fixture.read(UART.data) == 0x01)
    #expect(fixture.read(UART.interruptEnable) == 0x02)
    fixture.write(UART.lineControl, 0x03)
    #expect(fixture.read(UART.lineControl) == 0x03)
    #expect(fixture.read(UART.interruptEnable) == 0x05)
    #expect(fixture.endpoint.written == [])
  }

  @Test func `loopback sends a character to itself and not outside`() {
    let fixture = SerialFixture.started()
    fixture.write(UART.modemControl, 0x10)
    fixture.write(UART.data, 0x42)
    #expect(fixture.drain() == [0x42])
    #expect(fixture.endpoint.written == [])
  }

  @Test func `a seventeenth character in loopback overruns, and the register reports that once`() {
    let fixture = SerialFixture.started(interrupts: 0x04)
    fixture.write(UART.modemControl, 0x10)
    for byte: UInt8 in 0..<17 { fixture.write(UART.data, byte) }
    #expect(fixture.isInterrupting)
    #expect(fixture.read(UART.interruptIdentification) == 0xC6)
    #expect(fixture.read(UART.lineStatus) & 0x02 != 0)
    #expect(fixture.read(UART.lineStatus) & 0x02 == 0)
    #expect(!fixture.isInterrupting)
    #expect(fixture.drain() == Array(0..<16))
  }

  @Test func `the modem status reports each change once`() {
    let fixture = SerialFixture.started(interrupts: 0x08)
    // Ring stays off, the other three fall.
    fixture.write(UART.modemControl, 0x10)
    #expect(fixture.isInterrupting)
    #expect(fixture.read(UART.interruptIdentification) == 0xC0)
    #expect(fixture.read(UART.modemStatus) == 0x0B)
    #expect(fixture.read(UART.modemStatus) == 0x00)
    #expect(!fixture.isInterrupting)
    // The start of a ring is no change, its end is.
    fixture.write(UART.modemControl, 0x14)
    #expect(fixture.read(UART.modemStatus) == 0x40)
    fixture.write(UART.modemControl, 0x10)
    #expect(fixture.read(UART.modemStatus) == 0x04)
  }

  @Test func `wide accesses reach a register for each byte, and ones beyond the last`() {
    let fixture = SerialFixture()
    fixture.port.write(offset: UART.scratch, byteCount: 4, value: 0x1234_5677)
    #expect(fixture.port.read(offset: UART.scratch, byteCount: 4) == 0xFFFF_FF77)
    #expect(fixture.port.read(offset: 8, byteCount: 1) == 0xFF)
    #expect(fixture.port.read(offset: .max, byteCount: 8) == .max)
    #expect(fixture.port.read(offset: 0, byteCount: -1) == 0)
    fixture.port.write(offset: .max, byteCount: 8, value: 0)
  }

  @Test func `the four ports are where a PC has them`() {
    let locations = SerialPort.Location.all
    #expect(locations.map(\.base.rawValue) == [0x3F8, 0x2F8, 0x3E8, 0x2E8])
    #expect(locations.map(\.irq) == [4, 3, 4, 3])
  }

  @Test func `no sequence of accesses traps`() {
    var random = SplitMix64(seed: 0x5E71A1)
    let fixture = SerialFixture(room: 0)
    for _ in 0..<200_000 {
      switch random.next() % 8 {
      case 0...2: fixture.write(random.next() % 9, UInt8(truncatingIfNeeded: random.next()))
      case 3...4: _ = fixture.port.read(offset: random.next() % 9, byteCount: Int(random.next() % 9))
      case 5:
        let count = Int(random.next() % 40)
        let taken = fixture.port.receive([UInt8](repeating: 0x2A, count: count))
        #expect(taken <= min(count, 16))
      case 6: _ = fixture.port.sysRq(0x68)
      default:
        fixture.endpoint.allow(Int(random.next() % 20))
        fixture.port.endpointHasRoom()
      }
    }
  }
}
