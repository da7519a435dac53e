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
  /// The most bytes of output that go to a regular file, where the guest would fill the host's disk: 256 MiB.
  public static let standardFileByteLimit = 256 << 20

  private let stream: ConsoleStream
  private let output: Int32
  private let raw: TerminalGuard?

  /// Makes an endpoint that does not read yet; a real terminal is in raw mode from now on.
  ///
  /// - Parameters:
  ///   - input: the descriptor of the input; stays open, and the caller's.
  ///   - output: the descriptor of the output; stays open, and the caller's.
  ///   - thread: the thread that reads and writes.
  ///   - fileByteLimit: the maximum number of bytes of output if that is a regular file. Then a note is written, and the rest is
  ///     discarded.
  ///   - encodesInput: whether the guest's init passes input that does not come from a terminal to a command. Such input
  ///     waits for ``releaseInput()``, and its end is sent as well (`ConsoleInputCode`).
  ///   - onQuit: called on the device thread for Ctrl-A x; must not wait for that thread.
  /// - Throws: EBADF for a closed descriptor, EMFILE if there are too many.
  public init(
    input: Int32 = 0, output: Int32 = 1, thread: DeviceThread,
    fileByteLimit: Int = Terminal.standardFileByteLimit, encodesInput: Bool = false,
    onQuit: @escaping @Sendable () -> Void
  ) throws(Errno) {
    let isTerminal = linux_is_terminal(input) != 0
    self.output = output
    stream = try ConsoleStream(
      input: ConsoleDescriptor(sharedWith: input, direction: .input),
      output: ConsoleDescriptor(sharedWith: output, direction: .output), thread: thread,
      overflow: isTerminal ? .drops : .waits,
      byteLimit: linux_regular_file_size(output) >= 0 ? fileByteLimit : nil,
      encodesInput: encodesInput && !isTerminal, onQuit: onQuit)
    raw = isTerminal ? try TerminalGuard(makingRaw: input) : nil
  }

  /// Starts reading. The device must be attached.
  public func start() throws(Errno) { try stream.start() }

  /// Restores the terminal's settings. Any thread; the command also calls it before it ends for a signal.
  ///
  /// The end of this object, exit(3), and a signal that kills the process for a crash restore them too.
  public func restore() { raw?.restore() }

  /// Writes the remaining output for up to a second, stops reading, and restores the terminal.
  public func close() {
    stream.close()
    restore()
  }

  /// Starts reading the guest's input. Any thread.
  public func releaseInput() { stream.releaseInput() }

  /// Number of bytes that the guest has written so far. Any thread.
  public var writtenByteCount: UInt64 { stream.writtenByteCount }

  /// Whether the guest's last output did not end a line.
  public var endsWithinLine: Bool { stream.endsWithinLine }

  /// Call after SIGWINCH. Reports the new size to the device.
  public func windowSizeChanged() {
    if let windowSize { stream.device?.windowSizeChanged(windowSize) }
  }

  /// The size of the window; nil if the output is not a terminal with a known size.
  public var windowSize: ConsoleSize? { Self.windowSize(of: output) }

  /// The size of a descriptor's window (TIOCGWINSZ); nil if it is not a terminal with a known size.
  public static func windowSize(of descriptor: Int32) -> ConsoleSize? {
    TerminalSettings.windowSize(of: descriptor).map { ConsoleSize(columns: $0.columns, rows: $0.rows) }
  }

  /// Attaches `device`, which gets the input.
  public func attach(_ device: any ConsoleDevice) { stream.attach(device) }

  /// Takes as many of `bytes` as there is room for, and returns their number. Any thread.
  public func write(_ bytes: [UInt8]) -> Int { stream.write(bytes) }

  /// Continues after the device had no room. Any thread.
  public func deviceHasRoom() { stream.deviceHasRoom() }
}
