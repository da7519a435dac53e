import Glibc
import TestFolders

extension TemporaryFolder {
  /// Makes a file, and the folders that it is in, and returns its path.
  @discardableResult
  func make(_ name: String, _ bytes: [UInt8]) -> String {
    var folder = path
    for part in name.split(separator: "/").dropLast() {
      folder += "/\(part)"
      unsafe mkdir(folder, 0o755)
    }
    let descriptor = unsafe open(file(name), O_RDWR | O_CREAT | O_TRUNC, 0o644)
    precondition(descriptor >= 0)
    _ = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
    close(descriptor)
    return file(name)
  }

  @discardableResult
  func make(_ name: String, _ text: String) -> String { make(name, Array(text.utf8)) }

  /// `count` bytes of a file.
  static func read(_ path: String, at offset: Int, _ count: Int) -> [UInt8] {
    let descriptor = unsafe open(path, O_RDONLY)
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: count)
    let done = unsafe pread(descriptor, &bytes, count, offset)
    return Array(bytes.prefix(max(done, 0)))
  }
}
