import Hypervisor
import Testing

/// Characters and interrupts.
@Suite struct SerialTransferTests {
  @Test func `the guest's output reaches the endpoint in order`() {
    let fixture = SerialFixture.started()
    for byte in Array("hello".utf8) { fixture.write(UART.data, byte) }
    #expect(fixture.endpoint.written == Array("hello".utf8))
    #expect(fixture.read(UART.lineStatus) & 0x60 == 0x60)
  }

  @Test func `a port without an endpoint throws away what it is sent`() {
    let lines = InterruptLineRecorder()
    let port = SerialPort(line: lines.line(4))
    port.write(offset: UART.data, byteCount: 1, value: 0x41)
    #expect(port.read(offset: UART.lineStatus, byteCount: 1) == 0x60)
  }

  @Test func `while the endpoint has no room the transmitter is not empty, and its interrupt comes later`() {
    let fixture = SerialFixture.started(room: 2, interrupts: 0x02)
    _ = fixture.read(UART.interruptIdentification)
    for byte: UInt8 in 1...5 { fixture.write(UART.data, byte) }
    #expect(fixture.endpoint.written == [1, 2])
    #expect(fixture.read(UART.lineStatus) & 0x60 == 0)
    #expect(!fixture.isInterrupting)
    fixture.endpoint.allow(1)
    fixture.port.endpointHasRoom()
    #expect(fixture.read(UART.lineStatus) & 0x60 == 0)
    fixture.endpoint.allow(100)
    fixture.port.endpointHasRoom()
    #expect(fixture.endpoint.written == [1, 2, 3, 4, 5])
    #expect(fixture.read(UART.lineStatus) & 0x60 == 0x60)
    #expect(fixture.isInterrupting)
    #expect(fixture.read(UART.interruptIdentification) == 0xC2)
    #expect(!fixture.isInterrupting)
  }

  @Test func `a guest that transmits into a full FIFO loses characters and nothing else`() {
    let fixture = SerialFixture.started(room: 0)
    for byte: UInt8 in 0..<40 { fixture.write(UART.data, byte) }
    fixture.endpoint.allow(.max)
    fixture.port.endpointHasRoom()
    #expect(fixture.endpoint.written == Array(0..<16))
  }

  @Test func `resetting the transmit FIFO empties it`() {
    let fixture = SerialFixture.started(room: 0, interrupts: 0x02)
    fixture.write(UART.data, 0x41)
    fixture.write(UART.fifoControl, 0x05)
    #expect(fixture.read(UART.lineStatus) & 0x60 == 0x60)
    fixture.endpoint.allow(.max)
    fixture.port.endpointHasRoom()
    #expect(fixture.endpoint.written == [])
  }

  @Test func `enabling the transmitter's interrupt raises it each time`() {
    let fixture = SerialFixture.started()
    for _ in 0..<2 {
      fixture.write(UART.interruptEnable, 0x02)
      #expect(fixture.isInterrupting)
      #expect(fixture.read(UART.interruptIdentification) == 0xC2)
      #expect(fixture.read(UART.interruptIdentification) == 0xC1)
      fixture.write(UART.interruptEnable, 0)
    }
  }

  @Test func `a driver that transmits without asking for the cause gets an edge for each character`() {
    let fixture = SerialFixture.started(interrupts: 0x02)
    #expect(fixture.isInterrupting)
    let before = fixture.lines.changeCount(SerialFixture.irq)
    fixture.write(UART.data, 0x41)
    #expect(fixture.isInterrupting)
    #expect(fixture.lines.changeCount(SerialFixture.irq) == before + 2)
  }

  @Test func `input interrupts at the trigger level, and below it by the timeout`() {
    let fixture = SerialFixture.started(interrupts: 0x01)
    #expect(fixture.port.receive([1, 2, 3]) == 3)
    #expect(fixture.isInterrupting)
    #expect(fixture.read(UART.interruptIdentification) == 0xCC)
    #expect(fixture.port.receive([4, 5, 6, 7, 8]) == 5)
    #expect(fixture.read(UART.interruptIdentification) == 0xC4)
    #expect(fixture.drain() == [1, 2, 3, 4, 5, 6, 7, 8])
    #expect(!fixture.isInterrupting)
    #expect(fixture.read(UART.interruptIdentification) == 0xC1)
  }

  @Test func `without FIFOs there is room for one character`() {
    let fixture = SerialFixture()
    fixture.write(UART.interruptEnable, 0x01)
    #expect(fixture.port.receive([1, 2]) == 1)
    #expect(fixture.read(UART.interruptIdentification) == 0x04)
    #expect(fixture.read(UART.data) == 1)
    #expect(fixture.endpoint.roomCalls == 1)
    #expect(fixture.port.receive([2]) == 1)
    #expect(fixture.read(UART.data) == 2)
    #expect(fixture.endpoint.roomCalls == 1)
  }

  @Test func `more input than there is room for is left, and asked for when half is read`() {
    let fixture = SerialFixture.started()
    #expect(fixture.port.receive(Array(0..<30)) == 16)
    for byte: UInt8 in 0..<7 { #expect(fixture.read(UART.data) == byte) }
    #expect(fixture.endpoint.roomCalls == 0)
    #expect(fixture.read(UART.data) == 7)
    #expect(fixture.endpoint.roomCalls == 1)
  }

  @Test func `resetting the receive FIFO empties it, and asks for more`() {
    let fixture = SerialFixture.started(interrupts: 0x01)
    _ = fixture.port.receive(Array(0..<30))
    fixture.write(UART.fifoControl, 0x03)
    #expect(!fixture.isInterrupting)
    #expect(fixture.drain() == [])
    #expect(fixture.endpoint.roomCalls == 1)
  }

  @Test func `an empty receive FIFO reads as zero`() {
    #expect(SerialFixture.started().read(UART.data) == 0)
  }

  @Test func `in loopback input waits outside`() {
    let fixture = SerialFixture.started()
    fixture.write(UART.modemControl, 0x10)
    #expect(fixture.port.receive([1]) == 0)
    fixture.write(UART.modemControl, 0)
    #expect(fixture.endpoint.roomCalls == 1)
  }

  @Test func `a break is a NUL that the line status reports, before everything else`() {
    let fixture = SerialFixture.started(interrupts: 0x05)
    #expect(fixture.port.injectBreak())
    #expect(fixture.read(UART.interruptIdentification) == 0xC6)
    #expect(fixture.read(UART.lineStatus) & 0x91 == 0x91)
    #expect(fixture.read(UART.interruptIdentification) == 0xCC)
    #expect(fixture.read(UART.data) == 0)
    #expect(!fixture.isInterrupting)
  }

  @Test func `a SysRq is a break and its character`() {
    let fixture = SerialFixture.started()
    #expect(fixture.port.sysRq(UInt8(ascii: "h")))
    #expect(fixture.read(UART.lineStatus) & 0x11 == 0x11)
    #expect(fixture.read(UART.data) == 0)
    #expect(fixture.read(UART.lineStatus) & 0x11 == 0x01)
    #expect(fixture.read(UART.data) == UInt8(ascii: "h"))
  }

  @Test func `a SysRq waits for room, and input waits for it`() {
    let fixture = SerialFixture()
    #expect(fixture.port.receive([7]) == 1)
    #expect(fixture.port.sysRq(UInt8(ascii: "t")))
    #expect(fixture.read(UART.data) == 7)
    #expect(fixture.read(UART.lineStatus) & 0x10 != 0)
    #expect(fixture.port.receive([8]) == 0)
    #expect(fixture.read(UART.data) == 0)
    #expect(fixture.read(UART.data) == UInt8(ascii: "t"))
    #expect(fixture.endpoint.roomCalls == 1)
  }

  @Test func `a guest that reads nothing does not make SysRqs pile up`() {
    let fixture = SerialFixture.started()
    var accepted = 0
    while fixture.port.sysRq(0x68), accepted < 1000 { accepted += 1 }
    #expect(accepted == (16 + 64) / 2)
  }

  @Test func `two ports on a line assert it while one of them does`() {
    let lines = InterruptLineRecorder()
    let shared = SharedInterruptLine(lines.line(4))
    let ports = (0..<2).map { _ in SerialPort(line: shared.makeInput()) }
    for port in ports { port.write(offset: UART.interruptEnable, byteCount: 1, value: 0x02) }
    _ = ports[0].read(offset: UART.interruptIdentification, byteCount: 1)
    #expect(lines.active == [4])
    _ = ports[1].read(offset: UART.interruptIdentification, byteCount: 1)
    #expect(lines.active == [])
    #expect(lines.changeCount(4) == 2)
  }

  /// What Linux does with a port: early messages, a probe, the first open, and a throttled buffer.
  @Test func `a port that awaits its driver takes input from the first open on, while RTS is on`() {
    let fixture = SerialFixture(awaitsDriver: true)
    let input = Array("abc".utf8)
    #expect(fixture.port.receive(input) == 0)
    fixture.write(UART.modemControl, 0x03)
    fixture.write(UART.interruptEnable, 0x0F)
    #expect(fixture.port.receive(input) == 0, "a driver that looks whether the register holds bits")
    fixture.write(UART.interruptEnable, 0)
    fixture.write(UART.fifoControl, 0x07)
    fixture.write(UART.interruptEnable, 0x05)
    #expect(fixture.endpoint.roomCalls == 0)
    fixture.write(UART.modemControl, 0x0B)
    #expect(fixture.endpoint.roomCalls == 1)
    #expect(fixture.port.receive(input) == 3)
    #expect(fixture.drain() == input)
    fixture.write(UART.modemControl, 0x09)
    #expect(fixture.port.receive(input) == 0)
    #expect(fixture.port.sysRq(0x68), "a break needs no permission")
    fixture.write(UART.modemControl, 0x0B)
    #expect(fixture.drain() == [0, 0x68])
    #expect(fixture.endpoint.roomCalls == 2)
  }
}
