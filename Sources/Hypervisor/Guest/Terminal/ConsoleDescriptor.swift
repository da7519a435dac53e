import CLinux
import HostSystem
import SystemPackage

/// A descriptor that a console reads or writes without ever waiting for the other end.
///
/// O_NONBLOCK belongs to the open file, which the shell that started us shares: setting it on our standard input or
/// output would break the shell's. So the file is opened once more. What cannot be opened again, such as a socket, is
/// duplicated and asked by poll(2) before each small piece.
struct ConsoleDescriptor: ~Copyable, Sendable {
  enum Direction {
    case input
    case output
  }

  /// What a pipe or a terminal that polls as writable takes without blocking.
  private static let blockingPieceByteCount = 256
  private static let pieceByteCount = 4096

  let descriptor: OwnedDescriptor
  /// The most bytes that one write may have.
  let writeLimit: Int

  /// The file that `original` refers to. EBADF if it is closed.
  init(sharedWith original: Int32, direction: Direction) throws(Errno) {
    let mode = direction == .input ? O_RDONLY : O_WRONLY
    // A regular file opened again would be written from its start on.
    let reopened =
      linux_descriptor_is_regular_file(original) != 0 ? -1 : linux_reopen_nonblocking(original, mode)
    if reopened >= 0 {
      descriptor = OwnedDescriptor(adopting: reopened)
      writeLimit = Self.pieceByteCount
    } else {
      descriptor = OwnedDescriptor(adopting: try Self.duplicate(original))
      writeLimit = Self.blockingPieceByteCount
    }
  }

  /// Another number for `original`, which does not block.
  init(duplicating original: borrowing OwnedDescriptor) throws(Errno) {
    descriptor = OwnedDescriptor(adopting: try Self.duplicate(original.rawValue))
    writeLimit = Self.pieceByteCount
  }

  var rawValue: Int32 { descriptor.rawValue }

  /// At most `byteCount` bytes that are there; empty at the end. EAGAIN where there are none yet.
  func read(_ byteCount: Int) throws(Errno) -> [UInt8] {
    try DescriptorBytes.read(descriptor.rawValue, limit: byteCount)
  }

  /// Writes the first of `bytes` and returns how many. EAGAIN where there is no room; EPIPE where nobody reads.
  func write(_ bytes: [UInt8]) throws(Errno) -> Int {
    try DescriptorBytes.writeIfReady(
      descriptor.rawValue, bytes.span.extracting(first: min(bytes.count, writeLimit)))
  }

  private static func duplicate(_ original: Int32) throws(Errno) -> Int32 {
    try check(linux_duplicate(original))
  }
}
