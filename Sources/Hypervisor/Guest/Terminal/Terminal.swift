import CLinux
import HostSystem
public import SystemPackage

/// The standard input and output of the process as a guest's console.
///
/// Where the input is a terminal it is made raw; a pipe, a file and /dev/null do as well, and their end only ends the
/// input. Ctrl-A is the escape key (see `EscapeFilter`): Ctrl-A x ends the machine.
///
/// Output is written by the device thread, from a buffer of 64 KiB; where the reader is slower than the guest, the
/// device waits, and nothing is lost.
public final class Terminal: ConsoleEndpoint {
  private let stream: ConsoleStream
  private let output: Int32
  private let raw: TerminalGuard?

  /// A terminal that does not read yet; a real one is raw from here on.
  ///
  /// - Parameters:
  ///   - input: Stays open, and is the caller's.
  ///   - output: Stays open, and is the caller's.
  ///   - thread: Reads and writes.
  ///   - encodesInput: Whether the guest's init hands input that is no terminal's to a command: it waits for
  ///     ``releaseInput()``, and its end is told (`ConsoleInputCode`).
  ///   - onQuit: Ctrl-A x was typed. The device thread calls it, and it must not wait for that thread.
  /// - Throws: EBADF for a descriptor that is closed, EMFILE where there are too many.
  public init(
    input: Int32 = 0, output: Int32 = 1, thread: DeviceThread, encodesInput: Bool = false,
    onQuit: @escaping @Sendable () -> Void
  ) throws(Errno) {
    let isTerminal = linux_is_terminal(input) != 0
    self.output = output
    stream = try ConsoleStream(
      input: ConsoleDescriptor(sharedWith: input, direction: .input),
      output: ConsoleDescriptor(sharedWith: output, direction: .output), thread: thread,
      overflow: isTerminal ? .drops : .waits, encodesInput: encodesInput && !isTerminal, onQuit: onQuit)
    raw = isTerminal ? try TerminalGuard(makingRaw: input) : nil
  }

  /// Reads from now on. The device is attached.
  public func start() throws(Errno) { try stream.start() }

  /// Gives the terminal its settings back. Any thread; the command calls it before it ends for a signal, too. It also
  /// happens when this object goes away, at exit(3), and when a signal kills the process for a crash.
  public func restore() { raw?.restore() }

  /// Writes the output that is left, for up to a second, reads no more, and restores the terminal.
  public func close() {
    stream.close()
    restore()
  }

  /// The guest reads its input from now on. Any thread.
  public func releaseInput() { stream.releaseInput() }

  /// The bytes that the guest has written so far. Any thread.
  public var writtenByteCount: UInt64 { stream.writtenByteCount }

  /// Whether what the guest wrote last does not end a line.
  public var endsWithinLine: Bool { stream.endsWithinLine }

  /// The command got SIGWINCH: tells the device.
  public func windowSizeChanged() {
    if let windowSize { stream.device?.windowSizeChanged(windowSize) }
  }

  /// The size of the window, if the output is a terminal that knows it.
  public var windowSize: ConsoleSize? { Self.windowSize(of: output) }

  /// The size of the window of a descriptor, if it is a terminal that knows it (TIOCGWINSZ).
  public static func windowSize(of descriptor: Int32) -> ConsoleSize? {
    var size = ConsoleSize(columns: 0, rows: 0)
    guard unsafe linux_window_size(descriptor, &size.columns, &size.rows) == 0, size.columns > 0,
      size.rows > 0
    else { return nil }
    return size
  }

  /// Makes `device` the one that gets the input.
  public func attach(_ device: any ConsoleDevice) { stream.attach(device) }

  /// Takes as many of `bytes` as there is room for. Any thread.
  public func write(_ bytes: [UInt8]) -> Int { stream.write(bytes) }

  /// The device takes input again. Any thread.
  public func deviceHasRoom() { stream.deviceHasRoom() }
}
