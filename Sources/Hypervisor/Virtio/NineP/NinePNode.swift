import CLinux
import HostSystem
import SystemPackage

/// A file or directory of the share: held by a descriptor, O_PATH until somebody opens it for I/O, or known by its name in a
/// directory, where ``NinePNodeTable`` has closed the descriptor and opens it again when it is needed.
///
/// The descriptor stands for one inode for ever; whatever happens to names, it leads nowhere else.
///
/// `@unchecked Sendable`, because what changes is touched by the thread of the node's session alone; a node without a
/// table, such as a share's root, does not change.
final class NinePNode: @unchecked Sendable {
  /// The kind of the node, which decides the possible operations.
  enum Kind: Sendable {
    case directory
    case file
    case symbolicLink
    /// A FIFO, a socket or a device: never opened, since that could block, or reach hardware.
    case special
  }

  /// Where it was found.
  struct Place {
    let directory: NinePNode
    let name: FileName
  }

  /// The number of the descriptor; -1 while it is closed.
  fileprivate(set) var number: Int32
  let kind: Kind
  /// Which inode.
  let device: UInt64
  let inode: UInt64
  /// Within procfs: a mount point for the guest, and no more. Its files are the host's processes, no files of a share.
  let isSealed: Bool
  /// Whether owner, mode and device number are those of its attributes (``NinePSecurity/mapped``).
  let isMapped: Bool
  /// Whether a regular file of the host stands for it: its contents are a link's target, or nothing.
  let isStandIn: Bool
  /// Its state in the table, if it is in one.
  var entry: NinePNodeTable.Entry?

  /// Takes over `descriptor`.
  ///
  /// - Parameter above: the directory that it was found in; nil makes the check for procfs afresh.
  init(adopting descriptor: consuming OwnedDescriptor, above: NinePNode?, isMapped: Bool) throws(Errno) {
    var status = try DirectoryFiles.status(of: descriptor.rawValue)
    let hostKind = Self.kind(ofMode: status.mode)
    if isMapped, hostKind == .file { try NinePMappedStatus(of: descriptor.rawValue).apply(to: &status) }
    kind = Self.kind(ofMode: status.mode)
    isStandIn = kind != hostKind
    self.isMapped = isMapped
    device = status.device
    inode = status.inode
    if let above, above.device == status.device {
      isSealed = above.isSealed
    } else {
      let system = try DirectoryFiles.fileSystemStatus(of: descriptor.rawValue)
      isSealed = system.type == LINUX_PROC_MAGIC
    }
    number = descriptor.release()
  }

  deinit {
    if let entry { entry.table.forget(self) }
    closeDescriptor()
  }

  func isSame(as other: NinePNode) -> Bool { device == other.device && inode == other.inode }

  /// What stat(2) says now, with what the guest has set in place of the host's.
  func status() throws(Errno) -> linux_file_status {
    var status = try hostStatus()
    if isMapped { try NinePMappedStatus(of: number).apply(to: &status) }
    return status
  }

  /// The current result of stat(2).
  func hostStatus() throws(Errno) -> linux_file_status { try DirectoryFiles.status(of: number) }

  static func kind(ofMode mode: UInt32) -> Kind {
    switch mode & NinePMode.typeMask {
    case NinePMode.directory: .directory
    case NinePMode.regular: .file
    case NinePMode.symbolicLink: .symbolicLink
    default: .special
    }
  }

  /// Closes the descriptor, if there is one.
  func closeDescriptor() {
    guard number >= 0 else { return }
    _ = OwnedDescriptor(adopting: number)
    number = -1
  }

  /// Takes over the descriptor of another node of the same inode.
  func takeDescriptor(of other: NinePNode) {
    closeDescriptor()
    (number, other.number) = (other.number, -1)
  }
}
