public import HostSystem
public import SystemPackage

/// The reason why a disk cannot be served, with its path.
public enum DiskError: Error, Equatable, CustomStringConvertible, Sendable {
  /// open(2) failed.
  case cannotOpen(path: String, Errno)
  /// The path is neither a regular file nor a block device.
  case notADisk(path: String)
  /// The block device is mounted, or in use by another process.
  case inUse(path: String)
  /// The image is open for writing already: by another guest, or by this one under another name.
  case locked(path: String)
  /// The disk was opened for writing, but the block device is read-only.
  case readOnly(path: String)
  /// The disk is smaller than one block.
  case tooSmall(path: String, byteCount: UInt64, blockByteCount: UInt32)
  /// The file system refuses O_DIRECT.
  case directRefused(path: String)
  /// The image has another format than raw.
  case foreignFormat(path: String, ImageFormat)
  /// The image cannot be opened with O_DIRECT because of its format.
  case directUnsupported(path: String, ImageFormat)
  /// A snapshot was asked for, but the image has a format without snapshots.
  case noSnapshots(path: String)
  /// The image of the qcow family cannot be used.
  case qcow(path: String, ImageFormat, QcowError)
  /// Another system call on the open file failed.
  case failed(path: String, call: String, Errno)

  /// The error message: one line.
  public var description: String {
    switch self {
    case .cannotOpen(let path, let errno): "disk \(path): \(errno)"
    case .notADisk(let path): "disk \(path): neither a regular file nor a block device"
    case .inUse(let path): "disk \(path): mounted or in use; unmount it first"
    case .locked(let path):
      "disk \(path): in use by a guest that writes to it; stop that guest, or share the disk read-only"
    case .readOnly(let path): "disk \(path): read-only, but the run writes to it"
    case .tooSmall(let path, let byteCount, let blockByteCount):
      "disk \(path): \(byteCount) bytes is less than one block of \(blockByteCount) bytes"
    case .directRefused(let path): "disk \(path): its file system refuses O_DIRECT; use --no-direct"
    case .foreignFormat(let path, let format):
      "disk \(path): \(format.noun), but a raw image is needed; \(format.remedy(path))"
    case .directUnsupported(let path, let format):
      "disk \(path): \(format.noun), which cannot be opened with O_DIRECT; use --no-direct, or leave out direct"
    case .noSnapshots(let path): "disk \(path): snapshot= needs a qcow2 image, and this is a raw one"
    case .qcow(let path, let format, let error): "disk \(path): \(format.noun): \(error)"
    case .failed(let path, let call, let errno): "disk \(path): \(call): \(errno)"
    }
  }
}
