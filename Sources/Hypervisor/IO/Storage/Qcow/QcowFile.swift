import CLinux
import Glibc
import HostSystem
import SystemPackage

/// The bytes of an image. Any thread; tests have one that stops after a number of writes.
protocol QcowFile: AnyObject, Sendable {
  /// Size in bytes now.
  func byteCount() throws(Errno) -> UInt64
  /// Fills `range` of `buffer`; what lies behind the file's end reads as zero.
  func read(_ buffer: HostBuffer, _ range: Range<Int>, at offset: UInt64) throws(Errno)
  /// Writes `range` of `buffer`.
  func write(_ buffer: HostBuffer, _ range: Range<Int>, at offset: UInt64) throws(Errno)
  /// Brings everything written so far to stable storage.
  func synchronize() throws(Errno)
  /// Gives the blocks of a range whose contents nobody needs back to the host, if its file system can.
  func punchHole(at offset: UInt64, byteCount: UInt64)
}

extension QcowFile {
  /// Reads `byteCount` bytes.
  func bytes(_ byteCount: Int, at offset: UInt64) throws(Errno) -> [UInt8] {
    let buffer = HostBuffer(byteCount: byteCount)
    try read(buffer, buffer.all, at: offset)
    return buffer.bytes(buffer.all)
  }
}

/// A file of the host's that is an image.
final class QcowHostFile: QcowFile {
  private let descriptor: OwnedDescriptor

  /// Takes over an open file.
  init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }

  /// The descriptor, open as long as this object lives.
  var rawValue: Int32 { descriptor.rawValue }

  func byteCount() throws(Errno) -> UInt64 {
    UInt64(clamping: try check(linux_regular_file_size(descriptor.rawValue)))
  }

  func read(_ buffer: HostBuffer, _ range: Range<Int>, at offset: UInt64) throws(Errno) {
    let count = try buffer.vector(range).fill(from: descriptor.rawValue, at: offset)
    buffer.zero(range.lowerBound + count..<range.upperBound)
  }

  func write(_ buffer: HostBuffer, _ range: Range<Int>, at offset: UInt64) throws(Errno) {
    guard let position = Int64(exactly: offset) else { throw .fileTooLarge }
    try buffer.vector(range).write(to: descriptor.rawValue, at: position)
  }

  func synchronize() throws(Errno) { try check(linux_fdatasync(descriptor.rawValue)) }

  func punchHole(at offset: UInt64, byteCount: UInt64) {
    // A file system that cannot keeps the blocks, which harms nobody.
    _ = linux_punch_hole(descriptor.rawValue, Int64(clamping: offset), Int64(clamping: byteCount))
  }
}
