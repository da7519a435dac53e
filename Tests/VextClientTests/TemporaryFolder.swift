import Glibc

/// A folder in /tmp, removed with its files.
final class TemporaryFolder {
  let path: String

  init() {
    var template = Array("/tmp/vext-client-XXXXXX".utf8CString)
    // SAFETY: the template is a C string that mkdtemp fills in.
    let made = unsafe template.withUnsafeMutableBufferPointer { buffer in
      unsafe buffer.baseAddress.map { unsafe mkdtemp($0) != nil } ?? false
    }
    precondition(made)
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit {
    func remove(_ path: String) {
      // A link to a folder is a file.
      if unsafe unlink(path) == 0 { return }
      guard let stream = unsafe opendir(path) else { return }
      while let entry = unsafe readdir(stream) {
        let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
          unsafe String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
        }
        if name != ".", name != ".." { remove("\(path)/\(name)") }
      }
      unsafe closedir(stream)
      unsafe rmdir(path)
    }
    remove(path)
  }

  /// Makes a file, and the folders that it is in, and returns its path.
  @discardableResult
  func write(_ name: String, _ bytes: [UInt8]) -> String {
    let file = "\(path)/\(name)"
    var folder = path
    for part in name.split(separator: "/").dropLast() {
      folder += "/\(part)"
      unsafe mkdir(folder, 0o755)
    }
    let descriptor = unsafe open(file, O_RDWR | O_CREAT | O_TRUNC, 0o644)
    precondition(descriptor >= 0)
    _ = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
    close(descriptor)
    return file
  }

  @discardableResult
  func write(_ name: String, _ text: String) -> String { write(name, Array(text.utf8)) }

  /// `count` bytes of a file.
  static func read(_ path: String, at offset: Int, _ count: Int) -> [UInt8] {
    let descriptor = unsafe open(path, O_RDONLY)
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: count)
    let done = unsafe pread(descriptor, &bytes, count, offset)
    return Array(bytes.prefix(max(done, 0)))
  }
}
