import CLinux
import HostSystem
import SystemPackage

/// Finding and opening files without ever leaving the share.
extension NinePShare {
  /// No path in Linux is deeper: a directory's path has at most PATH_MAX bytes where it can be used.
  private static let depthLimit = 4096
  /// Room for a path that the kernel tells.
  private static let locationByteLimit = 4096

  /// What `name` is in `directory`: a symbolic link is found, not followed.
  ///
  /// - Parameter name: one name, not `..`.
  func find(_ name: FileName, in directory: NinePNode) throws(Errno) -> NinePNode {
    guard !directory.isSealed else { throw .permissionDenied }
    let found = try DirectoryFiles.open(name, in: directory.number, flags: LINUX_O_PATH)
    return try node(adopting: found, above: directory)
  }

  /// The directory above `directory`; above the root is the root.
  ///
  /// A directory may have been moved out of the share while a fid held it, so its parent counts only once the way up from
  /// it has led to the root.
  ///
  /// - Throws: ENOTDIR, or EACCES where the way does not lead to the root.
  func parent(of directory: NinePNode) throws(Errno) -> NinePNode {
    guard directory.kind == .directory else { throw .notDirectory }
    guard !directory.isSame(as: root) else { return root }
    let parent = try above(directory)
    var step = parent
    for _ in 0..<Self.depthLimit {
      if step.isSame(as: root) { return parent.isSame(as: root) ? root : parent }
      let next = try above(step)
      // Only the root of all is its own parent.
      guard !next.isSame(as: step) else { throw .permissionDenied }
      step = next
    }
    throw .tooManySymbolicLinkLevels
  }

  private func above(_ directory: NinePNode) throws(Errno) -> NinePNode {
    try node(
      adopting: OwnedDescriptor(adopting: check(linux_open_parent(directory.number))), above: nil)
  }

  /// Opens `node` once more. Files and directories only: the type of what a descriptor stands for cannot change, so nothing
  /// else is ever opened. A program that is opened for writing is set-user-ID or set-group-ID no more, as write(2) makes it
  /// for processes without CAP_FSETID, except with ``NinePSecurity/passthrough``.
  func open(_ node: NinePNode, flags: Int32) throws(Errno) -> NinePNode {
    switch node.kind {
    case .file, .directory: break
    case .symbolicLink: throw .tooManySymbolicLinkLevels
    case .special: throw .permissionDenied
    }
    guard !node.isSealed else { throw .permissionDenied }
    let opened = try OwnedDescriptor(
      adopting: check(linux_reopen(descriptors.rawValue, node.number, flags)))
    if isPrivileged, security == .none, node.kind == .file, flags & O_ACCMODE != O_RDONLY {
      let mode = try node.hostStatus().mode
      if mode & NinePMode.setID != 0 {
        let permissions = mode & NinePMode.permissions & ~NinePMode.setID
        try check(linux_change_mode(descriptors.rawValue, node.number, permissions))
      }
    }
    return try self.node(adopting: opened, above: node)
  }

  /// Opens the regular file that stands for a symbolic link, for reading.
  func openStandIn(_ node: NinePNode) throws(Errno) -> OwnedDescriptor {
    let flags = try NinePOpenFlags().hostFlags()
    return try OwnedDescriptor(adopting: check(linux_reopen(descriptors.rawValue, node.number, flags)))
  }

  /// A second O_PATH descriptor of what `node` is.
  func reference(_ node: NinePNode) throws(Errno) -> NinePNode {
    let opened = try OwnedDescriptor(
      adopting: check(linux_reopen(descriptors.rawValue, node.number, LINUX_O_PATH)))
    return try self.node(adopting: opened, above: node)
  }

  /// Where `node` is now: a directory of the share, and its name there.
  ///
  /// What the kernel says is only a hint; the name is looked up below the root, and must lead to `node`.
  ///
  /// - Throws: ENOENT where the file has no name in the share any more, EBUSY for the root.
  func locate(_ node: NinePNode) throws(Errno) -> (directory: NinePNode, name: FileName) {
    guard !node.isSame(as: root) else { throw .resourceBusy }
    let location = try location(of: node)
    var prefix = try self.location(of: root)
    if prefix.last != UInt8(ascii: "/") { prefix.append(UInt8(ascii: "/")) }
    guard location.starts(with: prefix), let slash = location.lastIndex(of: UInt8(ascii: "/")) else {
      throw .noSuchFileOrDirectory
    }
    let name = try FileName(location[(slash + 1)...])
    let above = slash < prefix.count ? FileName(".") : try FileName(location[prefix.count..<slash])
    let found = try DirectoryFiles.open(
      above, in: root.number, flags: LINUX_O_PATH | LINUX_O_DIRECTORY)
    let directory = try self.node(adopting: found, above: nil)
    guard try find(name, in: directory).isSame(as: node) else { throw .noSuchFileOrDirectory }
    return (directory, name)
  }

  private func location(of node: NinePNode) throws(Errno) -> [UInt8] {
    try DirectoryFiles.location(
      of: node.number, descriptors: descriptors.rawValue, limit: Self.locationByteLimit)
  }
}
