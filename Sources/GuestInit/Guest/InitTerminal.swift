import CGuest

/// The console as the command's terminal.
struct InitTerminal {
  private let path: Text

  /// ioctl requests: ioctl_tty(2).
  private static let setModes: UInt64 = 0x5402  // TCSETS
  private static let sendBreak: UInt64 = 0x5409  // TCSBRK
  private static let setControlling: UInt64 = 0x540E  // TIOCSCTTY
  private static let setForeground: UInt64 = 0x5410  // TIOCSPGRP
  private static let setWindow: UInt64 = 0x5414  // TIOCSWINSZ

  /// The device that the last `console=` names; /dev/console itself has no name for `tty` to print.
  init(_ parameters: InitParameters, _ arena: inout InitArena) throws(Errno) {
    guard let console = parameters.value("console=") else {
      path = "/dev/console"
      return
    }
    let name = try arena.copy(console, from: 0, to: console.index(of: UInt8(ascii: ",")) ?? console.count)
    let device = try arena.join("/dev/", name)
    path = Kernel.exists(device) ? device : "/dev/console"
  }

  /// Opens what is missing of standard input, output and error, so that no other file gets their numbers.
  static func ensureStandardFiles() {
    while true {
      let file: UInt64
      do throws(Errno) {
        file = try Kernel.open("/dev/console", [.readWrite, .noControllingTerminal])
      } catch {
        guard let null = try? Kernel.open("/dev/null", .readWrite) else { return }
        file = null
      }
      if file > 2 { return Kernel.close(file) }
    }
  }

  /// Connects standard input, output and error to the console, if there is one.
  static func connectStandardFiles() {
    guard let file = try? Kernel.open("/dev/console", [.readWrite, .noControllingTerminal]) else { return }
    useAsStandardFiles(file)
  }

  private static func useAsStandardFiles(_ file: UInt64) {
    for standard: UInt64 in 0...2 { Kernel.attempt(.dup2, file, standard) }
    if file > 2 { Kernel.close(file) }
  }

  /// Makes the console the terminal of a new session, and standard input, output and error of this process.
  ///
  /// The session's leader is the first process and not the command: with the end of a leader the kernel throws away
  /// what it wrote and the console has not sent yet.
  func takeOver(_ parameters: InitParameters) {
    Kernel.attempt(.setsid)
    guard let file = try? Kernel.open(path, .readWrite) else { return }
    Kernel.attempt(.ioctl, file, Self.setControlling, 1)
    setModes(
      file, translatesNewlines: parameters.value("lkvm.crlf=").map { $0 != "0" } ?? true,
      isRaw: InputPipe.isWanted(parameters))
    if let window = parameters.value("lkvm.window=") { setWindow(file, window) }
    Self.useAsStandardFiles(file)
  }

  /// Makes this process, a child of the session's leader, the one that signals typed at the terminal go to.
  static func enterForeground() {
    Kernel.attempt(.setProcessGroup, 0, 0)
    guard var group = try? Int32(truncatingIfNeeded: Kernel.call(.getpid)) else { return }
    withTerminalSignalsBlocked {
      Kernel.withAddress(of: &group) { _ = Kernel.attempt(.ioctl, 1, setForeground, $0) }
    }
  }

  /// Waits until the console has sent all that was written to it.
  static func drain() {
    withTerminalSignalsBlocked { _ = Kernel.attempt(.ioctl, 1, sendBreak, 1) }
  }

  /// A process in the background is stopped for such requests (SIGTTOU) unless it blocks the signal.
  private static func withTerminalSignalsBlocked(_ body: () -> Void) {
    let (block, unblock): (UInt64, UInt64) = (0, 1)
    var stopsForOutput: UInt64 = 1 << 21
    Kernel.withAddress(of: &stopsForOutput) { signals in
      Kernel.attempt(.signalMask, block, signals, 0, 8)
      body()
      Kernel.attempt(.signalMask, unblock, signals, 0, 8)
    }
  }

  /// - Parameter isRaw: whether bytes come as they are, and none is a signal, an end or echoed.
  private func setModes(_ file: UInt64, translatesNewlines: Bool, isRaw: Bool) {
    var modes = init_terminal_modes()
    modes.input = isRaw ? 0 : 0x4500  // ICRNL | IXON | IUTF8
    modes.output = translatesNewlines ? 0x5 : 0  // OPOST | ONLCR
    modes.control = 0x1CB2  // B115200 | CS8 | CREAD | HUPCL | CLOCAL
    // CRTSCTS: the kernel lets lkvm wait while its buffers are full.
    if isRaw { modes.control |= 1 << 31 }
    modes.local = isRaw ? 0 : 0x8A3B  // ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN
    // INTR ^C, QUIT ^\, ERASE DEL, KILL ^U, EOF ^D, TIME, MIN, SWTC, START ^Q, STOP ^S, SUSP ^Z, EOL, REPRINT ^R,
    // DISCARD ^O, WERASE ^W, LNEXT ^V, EOL2
    modes.characters = (3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0)
    Kernel.withAddress(of: &modes) { _ = Kernel.attempt(.ioctl, file, Self.setModes, $0) }
  }

  /// Sets the size that `COLUMNSxROWS` says.
  private func setWindow(_ file: UInt64, _ size: Text) {
    guard let separator = size.index(of: UInt8(ascii: "x")), let columns = size.number(),
      let rows = size.number(from: separator + 1)
    else { return }
    var window = init_window(
      rows: UInt16(truncatingIfNeeded: rows), columns: UInt16(truncatingIfNeeded: columns), width: 0,
      height: 0)
    Kernel.withAddress(of: &window) { _ = Kernel.attempt(.ioctl, file, Self.setWindow, $0) }
  }
}
