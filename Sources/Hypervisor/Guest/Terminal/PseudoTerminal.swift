import CLinux
import HostSystem
public import SystemPackage

/// A console that other programs attach to by the path of a pseudo-terminal, such as `screen /dev/pts/5`.
///
/// Nobody needs to: what the guest writes while nobody reads fills the kernel's buffer, and after a second without a
/// reader the rest is thrown away, until somebody reads. Programs come and go.
public final class PseudoTerminal: ConsoleEndpoint {
  /// Default time for which ``init(thread:stallNanoseconds:)`` waits for a reader.
  public static let stallNanoseconds: UInt64 = 1_000_000_000

  /// The path that other programs open.
  public let path: String
  private let stream: ConsoleStream
  /// Held open, so that the master never reports that all programs have left.
  private let slave: OwnedDescriptor

  /// A new pseudo-terminal, raw, that does not read yet.
  ///
  /// - Parameters:
  ///   - thread: Reads and writes.
  ///   - stallNanoseconds: After so long without a reader, output is thrown away.
  /// - Throws: ENOSPC where there are too many, ENOENT without a devpts file system.
  public init(thread: DeviceThread, stallNanoseconds: UInt64 = PseudoTerminal.stallNanoseconds) throws(Errno)
  {
    let master = OwnedDescriptor(adopting: try check(linux_open_pseudo_terminal()))
    path = try TerminalSettings.path(ofSlaveOf: master.rawValue)
    slave = try OwnedDescriptor.open(path, flags: O_RDWR | O_NOCTTY)
    // Its discipline would send the guest's output back as its input.
    try TerminalSettings(of: slave.rawValue).raw.apply(to: slave.rawValue)
    stream = try ConsoleStream(
      input: ConsoleDescriptor(duplicating: master), output: ConsoleDescriptor(duplicating: master),
      thread: thread, overflow: .waits, stallNanoseconds: stallNanoseconds)
  }

  /// Starts reading. The device must be attached.
  public func start() throws(Errno) { try stream.start() }

  /// Writes the remaining output, for up to a second if there is a reader, and stops reading.
  public func close() { stream.close() }

  /// Unknown, because the window belongs to the attached terminal.
  public var windowSize: ConsoleSize? { nil }

  /// Attaches `device`, which gets the input.
  public func attach(_ device: any ConsoleDevice) { stream.attach(device) }

  /// Takes as many of `bytes` as there is room for, and returns their number. Any thread.
  public func write(_ bytes: [UInt8]) -> Int { stream.write(bytes) }

  /// Continues after the device had no room. Any thread.
  public func deviceHasRoom() { stream.deviceHasRoom() }
}
