import CLinux
import Glibc
import HostSystem
import Synchronization

/// What a test does at the other end of a terminal.
enum TerminalPeer {
  /// Writes all of `bytes`.
  static func write(_ bytes: [UInt8], to descriptor: Int32) {
    // SAFETY: the count is the array's.
    _ = unsafe Glibc.write(descriptor, bytes, bytes.count)
  }

  /// Reads until `byteCount` bytes came, the end, or so long without a byte.
  static func read(
    _ byteCount: Int, from descriptor: Int32, timeoutMilliseconds: Int32 = 10_000
  ) -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < byteCount {
      var watched = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      // SAFETY: one entry, as the count says.
      guard unsafe poll(&watched, 1, timeoutMilliseconds) == 1 else { break }
      var piece = [UInt8](repeating: 0, count: min(4096, byteCount - bytes.count))
      // SAFETY: the count is the array's.
      let count = unsafe Glibc.read(descriptor, &piece, piece.count)
      guard count > 0 else { break }
      bytes += piece.prefix(count)
    }
    return bytes
  }

  /// The O_ flags of an open file.
  static func flags(of descriptor: Int32) -> Int32 { fcntl(descriptor, F_GETFL) }

  /// Whether a terminal echoes, waits for whole lines, and makes signals of keys.
  static func localModes(of descriptor: Int32) -> UInt32 {
    var attributes = termios()
    // SAFETY: tcgetattr fills one structure.
    _ = unsafe tcgetattr(descriptor, &attributes)
    return attributes.c_lflag & UInt32(ECHO | ICANON | ISIG)
  }
}

/// Whether something has happened on another thread.
final class TerminalFlag: Sendable {
  private let flag = Atomic<Bool>(false)

  var isSet: Bool { flag.load(ordering: .acquiring) }

  func set() { flag.store(true, ordering: .releasing) }
}
