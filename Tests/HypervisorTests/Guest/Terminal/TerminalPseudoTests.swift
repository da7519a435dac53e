import Glibc
import HostSystem
import Hypervisor
import Testing

/// A console on a pseudo-terminal.
@Suite struct TerminalPseudoTests {
  private func open(_ terminal: PseudoTerminal) throws -> OwnedDescriptor {
    try OwnedDescriptor.open(terminal.path, flags: O_RDWR | O_NOCTTY)
  }

  @Test func `an attached terminal shows the output, and its input reaches the device`() throws {
    let thread = try DeviceThread(name: "test")
    defer { thread.stop() }
    let device = FakeConsoleDevice()
    let terminal = try PseudoTerminal(thread: thread)
    terminal.attach(device)
    try terminal.start()
    #expect(terminal.write(Array("login: ".utf8)) == 7)
    for _ in 0..<2 {
      let peer = try open(terminal)
      _ = terminal.write(Array("$".utf8))
      let greeting = TerminalPeer.read(1, from: peer.rawValue)
      #expect(greeting == Array("l".utf8) || greeting == Array("$".utf8) || greeting == Array("o".utf8))
      TerminalPeer.write(Array("r".utf8), to: peer.rawValue)
    }
    #expect(eventually { device.received == Array("rr".utf8) })
    terminal.close()
  }

  @Test func `the guest's output does not come back as its input`() throws {
    let thread = try DeviceThread(name: "test")
    defer { thread.stop() }
    let device = FakeConsoleDevice()
    let terminal = try PseudoTerminal(thread: thread)
    terminal.attach(device)
    try terminal.start()
    _ = terminal.write(Array("echo\r\n".utf8))
    let peer = try open(terminal)
    #expect(TerminalPeer.read(6, from: peer.rawValue) == Array("echo\r\n".utf8))
    TerminalPeer.write([0x2E], to: peer.rawValue)
    #expect(eventually { !device.received.isEmpty })
    #expect(device.received == [0x2E])
    terminal.close()
  }

  @Test func `Ctrl-A is the guest's`() throws {
    let thread = try DeviceThread(name: "test")
    defer { thread.stop() }
    let device = FakeConsoleDevice()
    let terminal = try PseudoTerminal(thread: thread)
    terminal.attach(device)
    try terminal.start()
    let peer = try open(terminal)
    TerminalPeer.write([0x01, 0x78, 0x03], to: peer.rawValue)
    #expect(eventually { device.received == [0x01, 0x78, 0x03] })
    terminal.close()
  }

  @Test func `a guest is not held up without a reader, and a later reader gets new output`() throws {
    let thread = try DeviceThread(name: "test")
    defer { thread.stop() }
    let device = FakeConsoleDevice()
    let terminal = try PseudoTerminal(thread: thread, stallNanoseconds: 20_000_000)
    terminal.attach(device)
    try terminal.start()
    let piece = [UInt8](repeating: 0x2E, count: 4096)
    var refusals = 0
    for _ in 0..<100 {
      if terminal.write(piece) < piece.count {
        let calls = device.roomCalls
        #expect(eventually { device.roomCalls > 0 && device.roomCalls >= calls })
        refusals += 1
      }
    }
    #expect(refusals < 100)
    #expect(device.roomCalls > 0)
    // Somebody attaches, reads all that is left, and hears what comes then.
    let peer = try open(terminal)
    let end = [UInt8](repeating: 0x21, count: 1)
    let isHeard = eventually {
      _ = terminal.write(end)
      return TerminalPeer.read(4096, from: peer.rawValue, timeoutMilliseconds: 50).contains(0x21)
    }
    #expect(isHeard)
    terminal.close()
  }
}
