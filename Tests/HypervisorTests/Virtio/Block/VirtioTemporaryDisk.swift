import Glibc
import Hypervisor

/// A file of known bytes, removed with its owner.
final class VirtioTemporaryDisk {
  let path: String
  private let descriptor: Int32

  /// A file in /tmp whose byte `n` is ``byte(at:)``.
  init(byteCount: Int) {
    var template = Array("/tmp/virtio-disk-XXXXXX".utf8CString)
    descriptor = unsafe template.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return -1 }
      return unsafe mkstemp(base)
    }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    write(Self.pattern(0, byteCount), at: 0)
  }

  deinit {
    close(descriptor)
    unsafe unlink(path)
  }

  static func byte(at offset: Int) -> UInt8 { UInt8(truncatingIfNeeded: offset &* 31 &+ offset >> 9) }

  /// What a fresh file has from `offset` on.
  static func pattern(_ offset: Int, _ count: Int) -> [UInt8] {
    guard offset + count <= start.count else { return (offset..<offset + count).map { byte(at: $0) } }
    return Array(start[offset..<offset + count])
  }

  /// The beginning of every file, computed once.
  private static let start = (0..<1 << 20).map { byte(at: $0) }

  func write(_ bytes: [UInt8], at offset: Int) {
    // SAFETY: the array has its count of bytes.
    _ = unsafe pwrite(descriptor, bytes, bytes.count, offset)
  }

  func read(_ offset: Int, _ count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    // SAFETY: the array has `count` bytes.
    let done = unsafe pread(descriptor, &bytes, count, offset)
    return Array(bytes.prefix(max(done, 0)))
  }

  /// Bytes that the file system has allocated for the file.
  var allocatedByteCount: Int {
    var status = stat()
    // SAFETY: the structure is what fstat fills in.
    return unsafe fstat(descriptor, &status) == 0 ? Int(status.st_blocks) * 512 : -1
  }

  /// Cuts the file, so that the disk's end is missing.
  func truncate(to byteCount: Int) { _ = ftruncate(descriptor, byteCount) }
}
