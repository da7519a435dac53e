import CLinux
import HostSystem
import SystemPackage

/// Tsymlink, Tmknod, Tmkdir, Tlink, Trename, Trenameat, Tunlinkat, Tremove: names come, move and go.
extension NinePServer {
  /// AT_REMOVEDIR of Tunlinkat.
  private static let removesDirectory: UInt32 = 0x200

  /// size[4] Tsymlink tag[2] fid[4] name[s] symtgt[s] gid[4]
  func symlink(_ reader: inout NinePReader, _ writer: inout NinePWriter) throws(Errno) {
    let number = try reader.number(UInt32.self)
    let name = try reader.string()
    let target = try reader.string()
    let group = try reader.number(UInt32.self)
    let (fid, directory) = try self.directory(number)
    let node = try share.createSymbolicLink(
      name.name(), in: directory, target: target.text(byteLimit: NinePProtocol.targetByteLimit),
      owner: .init(user: fid.user, group: group))
    try writer.qid(qid(of: node))
  }

  /// size[4] Tmknod tag[2] dfid[4] name[s] mode[4] major[4] minor[4] gid[4]
  ///
  /// Devices are refused with EPERM unless modes are mapped, because a device node of the guest would give every host user
  /// who can read the directory access to the host's device.
  func mknod(_ reader: inout NinePReader, _ writer: inout NinePWriter) throws(Errno) {
    let number = try reader.number(UInt32.self)
    let name = try reader.string()
    let mode = try reader.number(UInt32.self)
    let (major, minor) = (try reader.number(UInt32.self), try reader.number(UInt32.self))
    let group = try reader.number(UInt32.self)
    let (fid, directory) = try self.directory(number)
    let owner = NinePShare.Owner(user: fid.user, group: group)
    let node: NinePNode
    switch mode & NinePMode.typeMask {
    case 0, NinePMode.regular:
      node = try share.createFile(
        name.name(), in: directory, flags: NinePOpenFlags.writeOnly.hostFlags(), mode: mode, owner: owner)
    case NinePMode.fifo, NinePMode.socket:
      node = try share.createSpecial(
        name.name(), in: directory, mode: mode, deviceNumber: nil, owner: owner)
    case NinePMode.characterDevice, NinePMode.blockDevice:
      node = try share.createSpecial(
        name.name(), in: directory, mode: mode, deviceNumber: linux_device_number(major, minor), owner: owner)
    default: throw .notPermitted
    }
    try writer.qid(qid(of: node))
  }

  /// size[4] Tmkdir tag[2] dfid[4] name[s] mode[4] gid[4]
  func mkdir(_ reader: inout NinePReader, _ writer: inout NinePWriter) throws(Errno) {
    let number = try reader.number(UInt32.self)
    let name = try reader.string()
    let mode = try reader.number(UInt32.self)
    let group = try reader.number(UInt32.self)
    let (fid, directory) = try self.directory(number)
    let node = try share.createDirectory(
      name.name(), in: directory, mode: mode, owner: .init(user: fid.user, group: group))
    try writer.qid(qid(of: node))
  }

  /// size[4] Tlink tag[2] dfid[4] fid[4] name[s]
  func link(_ reader: inout NinePReader) throws(Errno) {
    let (_, directory) = try self.directory(reader.number())
    let fid = try self.fid(reader.number())
    let name = try reader.string()
    try DirectoryFiles.link(
      fid.node.number, as: name.name(), in: directory.number, descriptors: share.descriptorsNumber)
  }

  /// size[4] Trename tag[2] fid[4] dfid[4] name[s]
  func rename(_ reader: inout NinePReader) throws(Errno) {
    let fid = try self.fid(reader.number())
    let (_, directory) = try self.directory(reader.number())
    let name = try reader.string().name()
    let place = try share.locate(fid.node)
    let known = fid.node.entry?.place?.directory
    let old = known.flatMap { $0.isSame(as: place.directory) ? $0 : nil } ?? place.directory
    try rename(place.name, in: place.directory, knownAs: old, to: name, in: directory)
  }

  /// size[4] Trenameat tag[2] olddirfid[4] oldname[s] newdirfid[4] newname[s]
  func renameat(_ reader: inout NinePReader) throws(Errno) {
    let (_, old) = try self.directory(reader.number())
    let oldName = try reader.string().name()
    let (_, new) = try self.directory(reader.number())
    let newName = try reader.string().name()
    try rename(oldName, in: old, knownAs: old, to: newName, in: new)
  }

  /// Moves a name, and what the session knows by it.
  ///
  /// - Parameter known: the directory as the session knows it.
  private func rename(
    _ name: FileName, in directory: NinePNode, knownAs known: NinePNode, to newName: FileName,
    in new: NinePNode
  ) throws(Errno) {
    let moved = nodes.node(name, in: known)
    let replaced = nodes.willLoseName(newName, in: new)
    try directory.rename(name, to: newName, in: new)
    if let moved {
      nodes.move(moved, to: .init(directory: new, name: newName))
    } else if let replaced {
      nodes.forgetName(replaced)
    }
  }

  /// size[4] Tunlinkat tag[2] dirfd[4] name[s] flags[4]
  func unlinkat(_ reader: inout NinePReader) throws(Errno) {
    let (_, directory) = try self.directory(reader.number())
    let name = try reader.string().name()
    let flags = try reader.number(UInt32.self)
    guard flags & ~Self.removesDirectory == 0 else { throw .invalidArgument }
    let removed = nodes.willLoseName(name, in: directory)
    try directory.remove(name, isDirectory: flags != 0)
    if let removed { nodes.forgetName(removed) }
  }

  /// size[4] Tremove tag[2] fid[4]: the fid is gone whatever the answer.
  func remove(_ reader: inout NinePReader) throws(Errno) {
    let number = try reader.number(UInt32.self)
    let node = try fid(number).node
    try release(number)
    let place = try share.locate(node)
    try place.directory.remove(place.name, isDirectory: node.kind == .directory)
    if node.entry?.place?.name == place.name { nodes.forgetName(node) }
  }
}
