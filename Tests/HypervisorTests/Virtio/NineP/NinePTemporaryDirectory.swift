import Glibc

/// A directory in /tmp, removed with all that it has.
final class NinePTemporaryDirectory {
  let path: String

  init() {
    var template = Array("/tmp/ninep-XXXXXX".utf8CString)
    _ = unsafe template.withUnsafeMutableBufferPointer { buffer in
      unsafe buffer.baseAddress.flatMap { unsafe mkdtemp($0) }
    }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { Self.remove(Array(path.utf8CString)) }

  /// - Parameter path: bytes, because fuzzing makes names that are not UTF-8.
  private static func remove(_ path: [CChar]) {
    if unsafe Glibc.unlink(path) == 0 { return }
    if let stream = unsafe opendir(path) {
      while let entry = unsafe readdir(stream) {
        let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
          unsafe bytes.prefix { $0 != 0 }.map { CChar(bitPattern: $0) }
        }
        let dot = CChar(bitPattern: UInt8(ascii: "."))
        if name != [dot], name != [dot, dot] {
          remove(path.dropLast() + [CChar(bitPattern: UInt8(ascii: "/"))] + name + [0])
        }
      }
      _ = unsafe closedir(stream)
    }
    _ = unsafe Glibc.rmdir(path)
  }

  func path(_ name: String) -> String { path + "/" + name }

  @discardableResult
  func makeDirectory(_ name: String, mode: mode_t = 0o755) -> String {
    _ = unsafe Glibc.mkdir(path(name), mode)
    return path(name)
  }

  func write(_ name: String, _ text: String) {
    let descriptor = unsafe Glibc.open(path(name), O_CREAT | O_WRONLY | O_TRUNC, 0o644)
    let bytes = Array(text.utf8)
    _ = unsafe Glibc.write(descriptor, bytes, bytes.count)
    _ = Glibc.close(descriptor)
  }

  func link(_ name: String, to target: String) { _ = unsafe Glibc.symlink(target, path(name)) }

  /// What a file has, or nil where there is none.
  func read(_ name: String) -> String? {
    let descriptor = unsafe Glibc.open(path(name), O_RDONLY)
    guard descriptor >= 0 else { return nil }
    defer { _ = Glibc.close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = unsafe Glibc.read(descriptor, &bytes, bytes.count)
    return String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
  }

  /// What lstat(2) says, or nil.
  func status(_ name: String) -> stat? {
    var status = stat()
    return unsafe lstat(path(name), &status) == 0 ? status : nil
  }
}
