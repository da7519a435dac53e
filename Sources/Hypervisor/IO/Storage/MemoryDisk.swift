import CLinux
import Glibc
import HostSystem
import SystemPackage

/// The contents of a disk of the engine `memory`: a copy of an image in shared memory that ends with this object.
final class MemoryDisk: Sendable {
  private let file: SharedMemoryFile
  private let buffer: HostBuffer

  /// Reserves `byteCount` bytes, and copies what the file `source` has of them.
  ///
  /// - Throws: ENOMEM or ENOSPC where there is not that much memory; the error of a read.
  init(copying source: Int32, byteCount: UInt64) throws(Errno) {
    // The kernel would use up all memory, and end processes, before it refused.
    guard byteCount <= (try Self.availableByteCount()) else { throw .noMemory }
    file = try SharedMemoryFile(name: "vext-disk", byteCount: byteCount)
    // Now: a page that is not there when a request touches it would end the process (SIGBUS).
    try file.reserve()
    let mapping = try Mapping.shared(descriptor: file.descriptor, byteCount: Int(clamping: byteCount))
    try mapping.leaveOutOfDumps()
    buffer = HostBuffer(mapping)
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
    let text = String(
      decoding: try DescriptorBytes.read(file.rawValue, limit: 4096, at: 0), as: UTF8.self)
    for line in text.split(separator: "\n") where line.hasPrefix("MemAvailable:") {
      let words = line.split(separator: " ")
      if words.count > 1, let kibibytes = UInt64(words[1]), kibibytes < 1 << 53 { return kibibytes * 1024 }
    }
    throw .noMemory
  }

  private func read(_ source: Int32, from start: Int, to end: Int) throws(Errno) {
    guard start < end else { return }
    // Nobody else has the run yet. A file that has become shorter does not fill it.
    let run = buffer.vector(start..<end)
    guard try run.fill(from: source, at: UInt64(start)) == run.byteCount else { throw .ioError }
  }

  /// The disk's bytes, valid as long as this object lives.
  var bytes: IOVector { buffer.vector(buffer.all) }

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
    _ operation: BlockOperation, on disk: DiskHandle, vectors: IOVectors, offset: UInt64, byteCount: UInt64
  ) -> Int64 {
    guard var place = disk.memory(at: offset, byteCount: byteCount) else { return -Int64(EIO) }
    switch operation {
    case .read:
      for index in 0..<vectors.count {
        let vector = vectors[index]
        place.copy(to: vector)
        place.removeFirst(vector.byteCount)
      }
    case .write, .durableWrite:
      for index in 0..<vectors.count {
        let vector = vectors[index]
        vector.copy(to: place)
        place.removeFirst(vector.byteCount)
      }
    case .flush: return 0
    case .discard, .writeZeroes: place.zero()
    }
    return Int64(truncatingIfNeeded: byteCount)
  }
}
