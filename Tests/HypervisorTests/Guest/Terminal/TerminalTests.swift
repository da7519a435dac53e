import CLinux
import Glibc
import HostSystem
import Hypervisor
import Synchronization
import Testing

/// The process's input and output as a console.
@Suite struct TerminalTests {
  /// A pseudo-terminal in whose slave the process under test runs.
  private struct Keyboard: ~Copyable {
    let master: OwnedDescriptor
    let slave: OwnedDescriptor

    init() throws {
      let number = linux_open_pseudo_terminal()
      master = OwnedDescriptor(adopting: number)
      slave = try OwnedDescriptor.open(
        "/dev/pts/\(linux_pseudo_terminal_number(number))", flags: O_RDWR | O_NOCTTY)
    }
  }

  @Test func `input of a pipe reaches the device, and output the other pipe`() throws {
    let thread = try DeviceThread(name: "test")
    defer { thread.stop() }
    let (input, output) = (TerminalPipe(), TerminalPipe())
    let device = FakeConsoleDevice()
    let terminal = try Terminal(
      input: input.readEnd.rawValue, output: output.writeEnd.rawValue, thread: thread, onQuit: {})
    terminal.attach(device)
    try terminal.start()
    TerminalPeer.write(Array("in".utf8), to: input.writeEnd.rawValue)
    #expect(eventually { device.received == Array("in".utf8) })
    #expect(terminal.write(Array("out".utf8)) == 3)
    #expect(TerminalPeer.read(3, from: output.readEnd.rawValue) == Array("out".utf8))
    terminal.close()
  }

  @Test func `a file gets so much output, one note, and no more, while the guest goes on`() throws {
    let thread = try DeviceThread(name: "test")
    defer { thread.stop() }
    let path = "/tmp/terminal-\(getpid())"
    defer { unsafe _ = unlink(path) }
    let file = try OwnedDescriptor.open(path, flags: O_RDWR | O_CREAT | O_TRUNC, mode: 0o600)
    let input = TerminalPipe()
    let terminal = try Terminal(
      input: input.readEnd.rawValue, output: file.rawValue, thread: thread, fileByteLimit: 100_000, onQuit: {}
    )
    try terminal.start()
    let line = [UInt8](repeating: UInt8(ascii: "x"), count: 999) + [10]
    for _ in 0..<300 {
      var rest = line[...]
      while !rest.isEmpty { rest = rest.dropFirst(terminal.write(Array(rest))) }
    }
    terminal.close()
    var bytes = [UInt8](repeating: 0, count: 200_000)
    let count = unsafe pread(file.rawValue, &bytes, bytes.count, 0)
    let text = String(decoding: bytes.prefix(count), as: UTF8.self)
    #expect(text.prefix(100_000).allSatisfy { $0 == "x" || $0 == "\n" })
    #expect(text.dropFirst(100_000) == "\n[lkvm: the console's limit is reached; later output is dropped]\n")
  }

  @Test func `the descriptors of the shell keep their flags`() throws {
    let thread = try DeviceThread(name: "test")
    defer { thread.stop() }
    let (input, output) = (TerminalPipe(), TerminalPipe())
    let terminal = try Terminal(
      input: input.readEnd.rawValue, output: output.writeEnd.rawValue, thread: thread, onQuit: {})
    try terminal.start()
    #expect(TerminalPeer.flags(of: input.readEnd.rawValue) & O_NONBLOCK == 0)
    #expect(TerminalPeer.flags(of: output.writeEnd.rawValue) & O_NONBLOCK == 0)
    terminal.close()
  }

  @Test func `a pipe's input waits in the pipe while the device has no room`() throws {
    let thread = try DeviceThread(name: "test")
    defer { thread.stop() }
    let (input, output) = (TerminalPipe(), TerminalPipe())
    let device = FakeConsoleDevice(room: 10)
    let terminal = try Terminal(
      input: input.readEnd.rawValue, output: output.writeEnd.rawValue, thread: thread, onQuit: {})
    terminal.attach(device)
    try terminal.start()
    let bytes = (0..<20_000).map { UInt8(2 + $0 % 200) }
    TerminalPeer.write(bytes, to: input.writeEnd.rawValue)
    #expect(eventually { device.received.count == 10 })
    device.allow(.max)
    terminal.deviceHasRoom()
    #expect(eventually { device.received.count == bytes.count })
    #expect(device.received == bytes)
    terminal.close()
  }

  @Test func `the end of the input leaves the output alone`() throws {
    let thread = try DeviceThread(name: "test")
    defer { thread.stop() }
    let output = TerminalPipe()
    let null = try OwnedDescriptor.open("/dev/null", flags: O_RDONLY)
    let device = FakeConsoleDevice()
    let terminal = try Terminal(
      input: null.rawValue, output: output.writeEnd.rawValue, thread: thread, onQuit: {})
    terminal.attach(device)
    try terminal.start()
    #expect(terminal.write([0x41]) == 1)
    #expect(TerminalPeer.read(1, from: output.readEnd.rawValue) == [0x41])
    #expect(device.received == [])
    terminal.close()
  }

  @Test func `a regular file is read to its end as the device has room`() throws {
    let thread = try DeviceThread(name: "test")
    defer { thread.stop() }
    let output = TerminalPipe()
    let source = try OwnedDescriptor.open("/proc/self/exe", flags: O_RDONLY)
    let device = FakeConsoleDevice(room: 100)
    let terminal = try Terminal(
      input: source.rawValue, output: output.writeEnd.rawValue, thread: thread, onQuit: {})
    terminal.attach(device)
    try terminal.start()
    #expect(eventually { device.received.count == 100 })
    device.allow(5000)
    terminal.deviceHasRoom()
    #expect(eventually { device.received.count == 5100 })
    #expect(device.received.starts(with: [0x7F, 0x45, 0x4C, 0x46]))
    terminal.close()
  }

  @Test func `a slow reader makes the device wait and loses nothing`() throws {
    let thread = try DeviceThread(name: "test")
    defer { thread.stop() }
    let (input, output) = (TerminalPipe(), TerminalPipe())
    let device = FakeConsoleDevice()
    let terminal = try Terminal(
      input: input.readEnd.rawValue, output: output.writeEnd.rawValue, thread: thread, onQuit: {})
    terminal.attach(device)
    try terminal.start()
    var sent: [UInt8] = []
    // The pipe and the buffer fill up.
    while sent.count < 1 << 20 {
      let piece = (0..<1000).map { UInt8(truncatingIfNeeded: sent.count &* 7 &+ $0) }
      let count = terminal.write(piece)
      sent += piece.prefix(count)
      if count < piece.count { break }
    }
    #expect(sent.count < 1 << 20)
    #expect(device.roomCalls == 0)
    #expect(TerminalPeer.read(sent.count, from: output.readEnd.rawValue) == sent)
    #expect(eventually { device.roomCalls == 1 })
    terminal.close()
  }

  @Test func `a reader that goes away ends the output and not the process`() throws {
    let thread = try DeviceThread(name: "test")
    defer { thread.stop() }
    let input = TerminalPipe()
    var ends: [Int32] = [-1, -1]
    // SAFETY: pipe writes two numbers.
    _ = unsafe pipe(&ends)
    let writeEnd = OwnedDescriptor(adopting: ends[1])
    let terminal = try Terminal(
      input: input.readEnd.rawValue, output: writeEnd.rawValue, thread: thread, onQuit: {})
    try terminal.start()
    _ = close(ends[0])
    let piece = [UInt8](repeating: 0x41, count: 4096)
    // Far more than the buffer: what nobody reads is thrown away.
    #expect(eventually { terminal.write(piece) == piece.count })
    for _ in 0..<100 { _ = terminal.write(piece) }
    #expect(eventually { terminal.write(piece) == piece.count })
    terminal.close()
  }

  @Test func `what is left when it closes is written`() throws {
    let thread = try DeviceThread(name: "test")
    defer { thread.stop() }
    let (input, output) = (TerminalPipe(), TerminalPipe())
    let terminal = try Terminal(
      input: input.readEnd.rawValue, output: output.writeEnd.rawValue, thread: thread, onQuit: {})
    try terminal.start()
    let bytes = (0..<30_000).map { UInt8(truncatingIfNeeded: $0) }
    #expect(terminal.write(bytes) == bytes.count)
    terminal.close()
    #expect(TerminalPeer.read(bytes.count, from: output.readEnd.rawValue) == bytes)
    #expect(terminal.write([1]) == 1)
  }

  @Test func `a terminal is raw until it is restored`() throws {
    let thread = try DeviceThread(name: "test")
    defer { thread.stop() }
    let keyboard = try Keyboard()
    let before = TerminalPeer.localModes(of: keyboard.slave.rawValue)
    #expect(before != 0)
    let terminal = try Terminal(
      input: keyboard.slave.rawValue, output: keyboard.slave.rawValue, thread: thread, onQuit: {})
    #expect(TerminalPeer.localModes(of: keyboard.slave.rawValue) == 0)
    terminal.restore()
    #expect(TerminalPeer.localModes(of: keyboard.slave.rawValue) == before)
    terminal.restore()
    #expect(TerminalPeer.localModes(of: keyboard.slave.rawValue) == before)
  }

  @Test func `a terminal that goes away is restored`() throws {
    let thread = try DeviceThread(name: "test")
    defer { thread.stop() }
    let keyboard = try Keyboard()
    let before = TerminalPeer.localModes(of: keyboard.slave.rawValue)
    do {
      let terminal = try Terminal(
        input: keyboard.slave.rawValue, output: keyboard.slave.rawValue, thread: thread, onQuit: {})
      #expect(TerminalPeer.localModes(of: keyboard.slave.rawValue) == 0)
      _ = terminal.windowSize
    }
    #expect(TerminalPeer.localModes(of: keyboard.slave.rawValue) == before)
  }

  @Test func `Ctrl-A x works while the guest takes no input`() throws {
    let thread = try DeviceThread(name: "test")
    defer { thread.stop() }
    let keyboard = try Keyboard()
    let device = FakeConsoleDevice(room: 0)
    let hasQuit = TerminalFlag()
    let terminal = try Terminal(
      input: keyboard.slave.rawValue, output: keyboard.slave.rawValue, thread: thread,
      onQuit: { hasQuit.set() })
    terminal.attach(device)
    try terminal.start()
    for _ in 0..<8 { TerminalPeer.write([UInt8](repeating: 0x61, count: 1000), to: keyboard.master.rawValue) }
    TerminalPeer.write([0x01, 0x78], to: keyboard.master.rawValue)
    #expect(eventually { hasQuit.isSet })
    terminal.close()
  }

  @Test func `a break is sent between the keys that were typed around it`() throws {
    let thread = try DeviceThread(name: "test")
    defer { thread.stop() }
    let (input, output) = (TerminalPipe(), TerminalPipe())
    let device = FakeConsoleDevice()
    let terminal = try Terminal(
      input: input.readEnd.rawValue, output: output.writeEnd.rawValue, thread: thread, onQuit: {})
    terminal.attach(device)
    try terminal.start()
    TerminalPeer.write([0x61, 0x01, 0x62, 0x63], to: input.writeEnd.rawValue)
    #expect(eventually { device.received == [0x61, 0xFF, 0x63] })
    TerminalPeer.write([0x01, 0x68], to: input.writeEnd.rawValue)
    let help = TerminalPeer.read(20, from: output.readEnd.rawValue)
    #expect(String(decoding: help, as: UTF8.self).contains("Ctrl-A x"))
    terminal.close()
  }

  @Test func `the device gets the window's size`() throws {
    let thread = try DeviceThread(name: "test")
    defer { thread.stop() }
    let keyboard = try Keyboard()
    let device = FakeConsoleDevice()
    let terminal = try Terminal(
      input: keyboard.slave.rawValue, output: keyboard.slave.rawValue, thread: thread, onQuit: {})
    terminal.attach(device)
    #expect(terminal.windowSize == nil)
    #expect(linux_set_window_size(keyboard.master.rawValue, 80, 25) == 0)
    terminal.windowSizeChanged()
    #expect(terminal.windowSize == ConsoleSize(columns: 80, rows: 25))
    #expect(device.sizes == [ConsoleSize(columns: 80, rows: 25)])
  }

  @Test func `encoded input waits until the guest reads, and its end is sent`() throws {
    let thread = try DeviceThread(name: "test")
    defer { thread.stop() }
    let output = TerminalPipe()
    let file = BootImageFile([0x01, 0x78, 0x0F, 0x10, 0x04])
    let source = try OwnedDescriptor.open(file.path, flags: O_RDONLY)
    let device = FakeConsoleDevice()
    let terminal = try Terminal(
      input: source.rawValue, output: output.writeEnd.rawValue, thread: thread, encodesInput: true,
      onQuit: { Issue.record("input that is not a terminal has no escape key") })
    terminal.attach(device)
    try terminal.start()
    thread.run {}
    HostClock.sleep(nanoseconds: 20_000_000)
    #expect(device.received == [])
    terminal.releaseInput()
    let expected: [UInt8] = [0x01, 0x78, 0x10, 0x4F, 0x10, 0x50, 0x04, 0x10, 0x44]
    #expect(eventually { device.received.count == expected.count })
    #expect(device.received == expected)
    terminal.close()
  }

  @Test func `a terminal knows whether its last line has ended`() throws {
    let thread = try DeviceThread(name: "test")
    defer { thread.stop() }
    let (input, output) = (TerminalPipe(), TerminalPipe())
    let terminal = try Terminal(
      input: input.readEnd.rawValue, output: output.writeEnd.rawValue, thread: thread, onQuit: {})
    try terminal.start()
    #expect(!terminal.endsWithinLine)
    _ = terminal.write(Array("one".utf8))
    #expect(terminal.endsWithinLine)
    _ = terminal.write(Array("\r\n".utf8))
    #expect(!terminal.endsWithinLine)
    #expect(terminal.writtenByteCount == 5)
    terminal.close()
  }
}
