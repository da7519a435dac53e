import Glibc
import Testing

/// A file with the bytes that a guest starts with.
struct GuestImageFile {
  let path: String

  /// Makes the file. No other test at the same time has one with this `name`.
  init(_ bytes: [UInt8], name: String) {
    path = "/tmp/vext-\(name)-\(getpid())"
    let descriptor = unsafe open(path, O_CREAT | O_TRUNC | O_WRONLY, 0o600)
    let count = unsafe write(descriptor, bytes, bytes.count)
    close(descriptor)
    #expect(count == bytes.count)
  }

  /// Removes the file.
  func remove() { unsafe unlink(path) }
}
