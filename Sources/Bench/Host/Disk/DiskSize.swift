import Foundation
import Hypervisor
import SystemPackage

/// Sizes of files and block devices.
enum DiskSize {
  /// The size of the disk at `path` in bytes: of a regular file, the disk in a qcow image, or a block device.
  ///
  /// - Throws: ``BenchFailure`` if it cannot be opened, or is a directory.
  static func byteCount(_ path: String) throws -> UInt64 {
    if FileManager.default.isDirectory(atPath: path) == true {
      throw BenchFailure("the disk \(path) is a directory", exitCode: .noInput)
    }
    if let byteCount = DiskImage.qcowByteCount(of: path) { return byteCount }
    do {
      let descriptor = try FileDescriptor.open(
        FilePath(path), .readOnly, options: [.closeOnExec, .nonBlocking])
      return try descriptor.closeAfter { UInt64(try descriptor.seek(offset: 0, from: .end)) }
    } catch {
      throw BenchFailure("cannot open the disk \(path): \(error)", exitCode: .noInput)
    }
  }
}
