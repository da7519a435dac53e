import CLinux
import Glibc
import HostSystem
import SystemPackage

/// The contents of a disk of the engine `memory`: a copy of an image in shared memory that ends with this object.
@safe
final class MemoryDisk: Sendable {
  private let file: SharedMemoryFile
  private let mapping: Mapping

  /// Reserves `byteCount` bytes, and copies what the file `source` has of them.
  ///
  /// - Throws: ENOMEM or ENOSPC where there is not that much memory; the error of a read.
  init(copying source: Int32, byteCount: UInt64) throws(Errno) {
    // The kernel would use up all memory, and end processes, before it refused.
    guard byteCount <= (try Self.availableByteCount()) else { throw .noMemory }
    file = try SharedMemoryFile(name: "vext-disk", byteCount: byteCount)
    // Now: a page that is not there when a request touches it would end the process (SIGBUS).
    try file.reserve()
    mapping = try Mapping.shared(descriptor: file.descriptor, byteCount: Int(clamping: byteCount))
    try mapping.leaveOutOfDumps()
    var offset = 0
    let end = Int(clamping: byteCount)
    while offset < end {
      let data = lseek(source, offset, SEEK_DATA)
      if data < 0 {
        // ENXIO: a hole up to the end. A file system that knows no holes says that everything is data.
        guard errno == ENXIO else { throw Errno(rawValue: errno) }
        break
      }
      let hole = min(lseek(source, data, SEEK_HOLE), end)
      guard hole >= 0 else { throw Errno(rawValue: errno) }
      try read(source, from: data, to: hole)
      offset = max(hole, data + 1)
    }
  }

  /// Memory that the host can still give, page cache included, in bytes.
  private static func availableByteCount() throws(Errno) -> UInt64 {
    let file = try OwnedDescriptor.open("/proc/meminfo", flags: O_RDONLY)
    var bytes = [UInt8](repeating: 0, count: 4096)
    // SAFETY: the array has its count of bytes.
    let count = unsafe pread(file.rawValue, &bytes, bytes.count, 0)
    guard count >= 0 else { throw Errno(rawValue: errno) }
    let text = String(decoding: bytes.prefix(count), as: UTF8.self)
    for line in text.split(separator: "\n") where line.hasPrefix("MemAvailable:") {
      let words = line.split(separator: " ")
      if words.count > 1, let kibibytes = UInt64(words[1]), kibibytes < 1 << 53 { return kibibytes * 1024 }
    }
    throw .noMemory
  }

  private func read(_ source: Int32, from start: Int, to end: Int) throws(Errno) {
    var offset = start
    while offset < end {
      // SAFETY: the run is within the mapping, and nobody else has it yet.
      let count = unsafe pread(source, mapping.base + offset, min(end - offset, 1 << 30), offset)
      guard count >= 0 else {
        if errno == EINTR { continue }
        throw Errno(rawValue: errno)
      }
      // The file has become shorter.
      if count == 0 { throw .ioError }
      offset += count
    }
  }

  /// The first byte.
  var base: UnsafeMutableRawPointer { unsafe mapping.base }

  /// The file's descriptor.
  var descriptor: Int32 { file.descriptor }

  /// Carries a request out on the calling thread; EIO for a disk that is not in memory.
  ///
  /// - Parameters:
  ///   - vectors: host memory of the data, which a guest may change meanwhile.
  ///   - offset: with the bytes that follow it within the disk.
  /// - Returns: number of bytes moved or of the range, or -errno.
  @inline(__always)
  static func perform(
    _ operation: BlockOperation, on disk: DiskHandle, vectors: UnsafePointer<iovec>, vectorCount: Int,
    offset: UInt64, byteCount: UInt64
  ) -> Int64 {
    guard let memory = unsafe disk.memory, disk.contains(offset: offset, byteCount: byteCount) else {
      return -Int64(EIO)
    }
    // SAFETY: the run was checked to be within the disk; the vectors have `byteCount` bytes together.
    var place = unsafe memory + Int(offset)
    switch operation {
    case .read:
      for index in 0..<vectorCount {
        let vector = unsafe vectors[index]
        unsafe memcpy(vector.iov_base, place, vector.iov_len)
        unsafe place += vector.iov_len
      }
    case .write, .durableWrite:
      for index in 0..<vectorCount {
        let vector = unsafe vectors[index]
        unsafe memcpy(place, vector.iov_base, vector.iov_len)
        unsafe place += vector.iov_len
      }
    case .flush: return 0
    case .discard, .writeZeroes: unsafe memset(place, 0, Int(byteCount))
    }
    return Int64(truncatingIfNeeded: byteCount)
  }
}
