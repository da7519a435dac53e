import CLinux
import HostSystem
import SystemPackage

/// A file or directory of the share, held by a descriptor: O_PATH, until somebody opens it for I/O.
///
/// The descriptor stands for one inode for ever; whatever happens to names, it leads nowhere else.
final class NinePNode: Sendable {
  /// What can be done with it.
  enum Kind: Sendable {
    case directory
    case file
    case symbolicLink
    /// A FIFO, a socket or a device: never opened, since that could block, or reach hardware.
    case special
  }

  let descriptor: OwnedDescriptor
  let kind: Kind
  /// Which inode.
  let device: UInt64
  let inode: UInt64
  /// Within procfs: a mount point for the guest, and no more. Its files are the host's processes, no files of a share.
  let isSealed: Bool

  /// Takes over `descriptor`.
  ///
  /// - Parameter above: the directory that it was found in; nil makes the check for procfs afresh.
  init(adopting descriptor: consuming OwnedDescriptor, above: NinePNode?) throws(Errno) {
    var status = linux_file_status()
    try check(unsafe linux_status_at(descriptor.rawValue, "", &status))
    kind = Self.kind(ofMode: status.mode)
    device = status.device
    inode = status.inode
    if let above, above.device == status.device {
      isSealed = above.isSealed
    } else {
      var system = linux_file_system_status()
      try check(unsafe linux_file_system_status(descriptor.rawValue, &system))
      isSealed = system.type == LINUX_PROC_MAGIC
    }
    self.descriptor = descriptor
  }

  /// The number of the descriptor, valid while the node lives.
  var number: Int32 { descriptor.rawValue }

  func isSame(as other: NinePNode) -> Bool { device == other.device && inode == other.inode }

  /// What stat(2) says now.
  func status() throws(Errno) -> linux_file_status {
    var status = linux_file_status()
    try check(unsafe linux_status_at(number, "", &status))
    return status
  }

  static func kind(ofMode mode: UInt32) -> Kind {
    switch mode & NinePMode.typeMask {
    case NinePMode.directory: .directory
    case NinePMode.regular: .file
    case NinePMode.symbolicLink: .symbolicLink
    default: .special
    }
  }
}
