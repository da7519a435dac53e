import CLinux
import HostSystem
import SystemPackage

/// Tgetattr, Tsetattr, Tstatfs, Treadlink: what is known of a file.
extension NinePServer {
  /// The reported fields: all except the time of birth, generation and data version.
  private static let basicFields: UInt64 = 0x7FF
  /// Programs take the block size as a hint for their buffers: each buffer costs a message, so larger ones are better.
  private static let blockByteLimit: UInt64 = 64 << 10

  /// The identity on the wire of a file with this status.
  func qid(for status: linux_file_status) -> NinePQid {
    let kind: NinePQid.Kind =
      switch NinePNode.kind(ofMode: status.mode) {
      case .directory: .directory
      case .symbolicLink: .symbolicLink
      case .file, .special: .file
      }
    let version =
      status.modification_seconds ^ status.modification_nanoseconds << 8
      ^ Int64(truncatingIfNeeded: status.byte_count)
    return NinePQid(
      kind: kind, version: UInt32(truncatingIfNeeded: version ^ version >> 32),
      path: devices.path(device: status.device, inode: status.inode))
  }

  /// size[4] Tgetattr tag[2] fid[4] request_mask[8]
  func getattr(_ reader: inout NinePReader, _ writer: inout NinePWriter) throws(Errno) {
    let fid = try self.fid(reader.number())
    let mask = try reader.number(UInt64.self)
    let status = try fid.node.status()
    try writer.number(mask & Self.basicFields)
    try writer.qid(qid(for: status))
    try writer.number(status.mode)
    try writer.number(status.user)
    try writer.number(status.group)
    try writer.number(status.link_count)
    // The kernel's encoding for user space is that of the wire, for major numbers below 4096.
    try writer.number(status.device_number)
    try writer.number(status.byte_count)
    try writer.number(max(status.block_byte_count, blockHint))
    try writer.number(status.block_count)
    try writer.number(status.access_seconds)
    try writer.number(status.access_nanoseconds)
    try writer.number(status.modification_seconds)
    try writer.number(status.modification_nanoseconds)
    try writer.number(status.change_seconds)
    try writer.number(status.change_nanoseconds)
    // Birth (two words), generation, data version: not known.
    for _ in 0..<4 { try writer.number(0 as UInt64) }
  }

  /// The largest power of two that fits a message with its header.
  private var blockHint: UInt64 {
    let room = UInt64(messageLimit - NinePProtocol.writeHeaderByteCount)
    return min(1 << UInt64(63 - room.leadingZeroBitCount), Self.blockByteLimit)
  }

  /// size[4] Tsetattr tag[2] fid[4] valid[4] mode[4] uid[4] gid[4] size[8] atime_sec[8] atime_nsec[8] mtime_sec[8]
  /// mtime_nsec[8]
  func setattr(_ reader: inout NinePReader) throws(Errno) {
    let fid = try self.fid(reader.number())
    let change = try NinePStatusChange(&reader)
    let node = fid.node
    guard !node.isSealed else { throw .permissionDenied }
    // The size first, since it changes times; the owner before the mode, since it clears bits of it; times at the end.
    if let byteCount = change.byteCount { try truncate(fid, to: byteCount) }
    if change.changesOwner { try changeOwner(of: node, change) }
    if let mode = change.mode {
      // Linux has no mode of a symbolic link.
      guard node.kind != .symbolicLink else { throw .notSupported }
      try changeMode(of: node, to: mode)
    }
    if change.changesTimes {
      try check(
        linux_change_times(
          node.number, change.access.seconds, change.access.nanoseconds, change.modification.seconds,
          change.modification.nanoseconds))
    }
  }

  private func changeOwner(of node: NinePNode, _ change: NinePStatusChange) throws(Errno) {
    guard share.security == .mapped else {
      try check(linux_change_owner(node.number, change.user, change.group))
      return
    }
    var mapped = NinePMappedStatus()
    if change.user != .max { mapped.user = change.user }
    if change.group != .max { mapped.group = change.group }
    try mapped.store(node.number)
  }

  private func changeMode(of node: NinePNode, to mode: UInt32) throws(Errno) {
    guard share.security == .mapped else {
      let permissions = mode & share.security.keptPermissions
      try check(linux_change_mode(share.descriptorsNumber, node.number, permissions))
      return
    }
    var mapped = NinePMappedStatus()
    mapped.mode = try node.status().mode & NinePMode.typeMask | mode & NinePMode.permissions
    try mapped.store(node.number)
  }

  private func truncate(_ fid: NinePFid, to byteCount: Int64) throws(Errno) {
    switch fid.node.kind {
    case .file: break
    case .directory: throw .isDirectory
    case .symbolicLink, .special: throw .invalidArgument
    }
    // As ftruncate(2): who opened the file for writing may go on, whatever its mode has become.
    if fid.isWritable { return try fid.node.truncate(to: byteCount) }
    let flags = try NinePOpenFlags.writeOnly.hostFlags()
    try share.open(fid.node, flags: flags).truncate(to: byteCount)
  }

  /// size[4] Tstatfs tag[2] fid[4]
  func statfs(_ reader: inout NinePReader, _ writer: inout NinePWriter) throws(Errno) {
    let fid = try self.fid(reader.number())
    let status = try DirectoryFiles.fileSystemStatus(of: fid.node.number)
    try writer.number(NinePProtocol.fileSystemType)
    try writer.number(UInt32(clamping: status.block_byte_count))
    try writer.number(status.block_count)
    try writer.number(status.free_block_count)
    try writer.number(status.available_block_count)
    try writer.number(status.file_count)
    try writer.number(status.free_file_count)
    try writer.number(status.identifier)
    try writer.number(UInt32(clamping: status.name_byte_limit))
  }

  /// size[4] Treadlink tag[2] fid[4]
  func readlink(_ reader: inout NinePReader, _ writer: inout NinePWriter) throws(Errno) {
    let fid = try self.fid(reader.number())
    guard fid.node.kind == .symbolicLink else { throw .invalidArgument }
    if fid.node.isStandIn {
      let file = try share.openStandIn(fid.node)
      return try writer.string(
        DescriptorBytes.read(file.rawValue, limit: NinePProtocol.targetByteLimit))
    }
    // More room than any target fills: a longer one would come back cut.
    try writer.string(DirectoryFiles.target(of: fid.node.number, limit: NinePProtocol.copiedDataLimit))
  }
}
