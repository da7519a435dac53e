import CLinux
import Glibc
import HostSystem
import SystemPackage

/// The contents of a disk of the engine `memory`: a copy of an image, in huge pages where the host has them.
final class MemoryDisk: Sendable {
  private let buffer: HostBuffer

  /// Reserves `byteCount` bytes, and copies what the file `source` has of them.
  ///
  /// - Throws: ENOMEM or ENOSPC where there is not that much memory; the error of a read.
  init(copying source: Int32, byteCount: UInt64) throws(Errno) {
    // The kernel would use up all memory, and end processes, before it refused.
    guard byteCount <= (try HostMemory.availableByteCount()) else { throw .noMemory }
    let mapping = try Mapping.anonymous(byteCount: Int(clamping: byteCount))
    do throws(Errno) {
      try mapping.adviseHugePages()
    } catch {
      // A kernel without transparent huge pages: the disk is slower, nothing else.
      guard error == .invalidArgument else { throw error }
    }
    try mapping.leaveOutOfDumps()
    // Now: without memory for a page, a request that touches it would end the process.
    try mapping.prefault()
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
      let hole = min(try checkErrno(lseek(source, data, SEEK_HOLE)), end)
      try read(source, from: data, to: hole)
      offset = max(hole, data + 1)
    }
  }

  private func read(_ source: Int32, from start: Int, to end: Int) throws(Errno) {
    guard start < end else { return }
    // Nobody else has the run yet. A file that has become shorter does not fill it.
    let run = buffer.vector(start..<end)
    guard try run.fill(from: source, at: UInt64(start)) == run.byteCount else { throw .ioError }
  }

  /// The disk's bytes, valid as long as this object lives.
  var bytes: IOVector { buffer.vector(buffer.all) }

  /// Carries out a request that moves no data of a guest's; EIO for a disk that is not in memory.
  ///
  /// - Parameter offset: with the bytes that follow it within the disk.
  /// - Returns: number of bytes of the range, or -errno.
  static func perform(
    _ operation: BlockOperation, on disk: DiskHandle, offset: UInt64, byteCount: UInt64
  ) -> Int64 {
    guard let place = disk.memory(at: offset, byteCount: byteCount) else { return -Int64(EIO) }
    switch operation {
    case .flush: return 0
    case .discard, .writeZeroes: place.zero()
    case .read, .write, .durableWrite: return -Int64(EIO)
    }
    return Int64(truncatingIfNeeded: byteCount)
  }
}
