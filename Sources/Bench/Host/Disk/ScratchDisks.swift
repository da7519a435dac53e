import Foundation
import HostSystem
import SystemPackage

#if canImport(Glibc)
  import Glibc
#endif

/// Disk images of bench's own, made for a run and removed with this value, or by the next run after a crash.
struct ScratchDisks: ~Copyable {
  /// The files, one for each guest.
  let paths: [String]
  private let folder: ScratchFolder

  /// Bytes written at once while filling.
  private static let chunkByteCount = 1 << 20

  /// Makes `count` files in a new folder at `path`.
  ///
  /// Their blocks are written and flushed, not only reserved: a read of a block that was never written is answered
  /// from the file system's books and costs the device nothing.
  ///
  /// - Parameters:
  ///   - byteCount: Size of each disk.
  ///   - isFilled: Whether blocks are written at all; an engine that touches no file needs none.
  ///   - isInterrupted: Asked between two chunks; true ends the filling.
  /// - Throws: ``BenchFailure``, or ``RunInterruption`` if `isInterrupted` said so. The files are removed then.
  init(in path: String, count: Int, byteCount: UInt64, isFilled: Bool, isInterrupted: () -> Bool) throws {
    let folder = try ScratchFolder(path)
    let paths = (0..<count).map { "\(path)/guest\($0).disk" }
    for path in paths {
      try Self.makeFile(path, byteCount: byteCount, isFilled: isFilled, isInterrupted: isInterrupted)
    }
    self.paths = paths
    self.folder = folder
  }

  /// Makes one file; after a failure it is not left.
  static func makeFile(_ path: String, byteCount: UInt64, isFilled: Bool, isInterrupted: () -> Bool) throws {
    let descriptor: FileDescriptor
    do {
      if isFilled { try checkSpace(besides: path, byteCount: byteCount) }
      descriptor = try FileDescriptor.open(
        FilePath(path), .readWrite, options: [.create, .exclusiveCreate, .closeOnExec],
        permissions: [.ownerReadWrite])
    } catch let errno as Errno {
      throw BenchFailure("cannot make the disk \(path): \(errno)", exitCode: .cannotCreate)
    }
    do {
      try descriptor.closeAfter {
        try descriptor.resize(to: Int64(byteCount))
        if isFilled { try fill(descriptor, byteCount: byteCount, isInterrupted: isInterrupted) }
      }
    } catch {
      unsafe unlink(path)
      guard let errno = error as? Errno else { throw error }
      throw BenchFailure("cannot fill the disk \(path): \(errno)", exitCode: .ioError)
    }
  }

  /// Says that the space is missing before half of it is filled.
  private static func checkSpace(besides path: String, byteCount: UInt64) throws {
    var statistics = statvfs()
    let folder = FilePath(path).removingLastComponent()
    try checkErrno(unsafe statvfs(folder.isEmpty ? "." : folder.string, &statistics))
    let available = UInt64(statistics.f_bavail) * UInt64(statistics.f_frsize)
    guard available >= byteCount else {
      throw BenchFailure(
        "the disk \(path) needs \(byteCount >> 20) MiB and only \(available >> 20) MiB are free; "
          + "choose a smaller --size, or a --disk of your own", exitCode: .cannotCreate)
    }
  }

  private static func fill(_ descriptor: FileDescriptor, byteCount: UInt64, isInterrupted: () -> Bool) throws
  {
    var generator = SplitMix64(seed: byteCount)
    let chunk = (0..<chunkByteCount / 8).map { _ in generator.next() }
    var offset: UInt64 = 0
    while offset < byteCount {
      if isInterrupted() { throw RunInterruption() }
      let count = Int(min(UInt64(chunkByteCount), byteCount - offset))
      let written = try unsafe chunk.withUnsafeBytes { bytes in
        // SAFETY: the bytes are the chunk's, which outlives the call; `count` is at most their number.
        unsafe try descriptor.writeAll(
          toAbsoluteOffset: Int64(offset), UnsafeRawBufferPointer(rebasing: bytes[..<count]))
      }
      offset += UInt64(written)
    }
    try checkErrno(fsync(descriptor.rawValue))
  }
}
