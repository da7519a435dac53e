public import HostSystem
public import SystemPackage

/// Why a disk cannot be served; says so in a sentence that names the path.
public enum DiskError: Error, Equatable, CustomStringConvertible, Sendable {
  /// open(2) failed.
  case cannotOpen(path: String, Errno)
  /// Neither a regular file nor a block device.
  case notADisk(path: String)
  /// A block device that is mounted, or held by somebody else.
  case inUse(path: String)
  /// Somebody else has it open for writing: another guest, or this one under another name.
  case locked(path: String)
  /// Opened for writing, but read-only.
  case readOnly(path: String)
  /// Smaller than one block.
  case tooSmall(path: String, byteCount: UInt64, blockByteCount: UInt32)
  /// The file system refuses O_DIRECT.
  case directRefused(path: String)
  /// An image that is no raw one.
  case foreignFormat(path: String, ImageFormat)
  /// Another call on the open file failed.
  case failed(path: String, call: String, Errno)

  /// One line for a person.
  public var description: String {
    switch self {
    case .cannotOpen(let path, let errno): "disk \(path): \(errno)"
    case .notADisk(let path): "disk \(path): neither a regular file nor a block device"
    case .inUse(let path): "disk \(path): mounted or in use; unmount it first"
    case .locked(let path): "disk \(path): in use by a guest that writes to it; only one may"
    case .readOnly(let path): "disk \(path): read-only, but the run writes to it"
    case .tooSmall(let path, let byteCount, let blockByteCount):
      "disk \(path): \(byteCount) bytes is less than one block of \(blockByteCount) bytes"
    case .directRefused(let path): "disk \(path): its file system refuses O_DIRECT; use --no-direct"
    case .foreignFormat(let path, let format):
      "disk \(path): \(format.noun), but a raw image is needed; \(format.remedy(path))"
    case .failed(let path, let call, let errno): "disk \(path): \(call): \(errno)"
    }
  }
}
