import CLinux
import HostSystem
import SystemPackage

/// Txattrwalk, Txattrcreate, and reads and writes of what they open.
extension NinePServer {
  /// size[4] Txattrwalk tag[2] fid[4] newfid[4] name[s]; the answer is size[8].
  ///
  /// The new fid reads the attribute, or with an empty name the names of all.
  func xattrwalk(_ reader: inout NinePReader, _ writer: inout NinePWriter) throws(Errno) {
    let fid = try self.fid(reader.number())
    let number = try reader.number(UInt32.self)
    let string = try reader.string()
    let name =
      string.byteCount == 0
      ? nil
      : try share.attributeRules.hostName(
        string.text(byteLimit: NinePProtocol.nameByteLimit), isWritten: false)
    let size = try attributeByteCount(name, of: fid.node)
    try add(NinePFid(fid.node, use: .attributeRead(name), user: fid.user), number: number)
    try writer.number(UInt64(size))
  }

  /// size[4] Txattrcreate tag[2] fid[4] name[s] attr_size[8] flags[4]: the fid takes the value, and sets it when clunked.
  func xattrcreate(_ reader: inout NinePReader) throws(Errno) {
    let fid = try self.fid(reader.number())
    let string = try reader.string()
    let size = try reader.number(UInt64.self)
    let flags = try reader.number(UInt32.self)
    guard !fid.isOpen, string.byteCount > 0, flags & ~NinePPendingAttribute.knownFlags == 0 else {
      throw .invalidArgument
    }
    let name = try share.attributeRules.hostName(
      string.text(byteLimit: NinePProtocol.nameByteLimit), isWritten: true)
    guard size <= NinePProtocol.attributeByteLimit else { throw .argListTooLong }
    let byteCount = Int(size)
    guard byteCount <= NinePProtocol.pendingAttributeByteLimit - pendingAttributeByteCount else {
      throw .noSpace
    }
    pendingAttributeByteCount += byteCount
    fid.use = .attributeWrite(NinePPendingAttribute(name: name, byteCount: byteCount, flags: flags))
  }

  private func attributeByteCount(_ name: FileName?, of node: NinePNode) throws(Errno) -> Int {
    guard !node.isSealed else { throw .permissionDenied }
    guard let name else { return try attributeNames(of: node).count }
    return try DirectoryFiles.attributeByteCount(name, of: node.number)
  }

  /// The names of the attributes that the guest may see.
  private func attributeNames(of node: NinePNode) throws(Errno) -> [UInt8] {
    share.attributeRules.filter(
      try DirectoryFiles.attributeNames(of: node.number, limit: NinePProtocol.copiedDataLimit))
  }

  /// The part of an attribute's value, or of all names, that begins at `offset`.
  ///
  /// Each call reads the value again, so that a fid costs no memory.
  func readAttribute(
    _ name: FileName?, of node: NinePNode, offset: UInt64
  ) throws(Errno) -> ArraySlice<UInt8> {
    let value =
      if let name {
        try DirectoryFiles.attribute(name, of: node.number, limit: NinePProtocol.copiedDataLimit)
      } else {
        try attributeNames(of: node)
      }
    return value[min(Int(clamping: offset), value.count)...]
  }

  /// Takes `count` bytes of Twrite's data, the next of the value.
  ///
  /// - Throws: EINVAL where they are not the next, or more than was announced.
  func append(
    _ count: Int, at offset: UInt64, to attribute: inout NinePPendingAttribute
  ) throws(Errno) {
    guard offset == UInt64(attribute.value.count), count <= attribute.byteCount - attribute.value.count else {
      throw .invalidArgument
    }
    // The count is at most an attribute's, for which the scratch has room.
    let copied = request.copyOut(
      from: NinePProtocol.writeHeaderByteCount, to: scratch, 0..<count)
    attribute.value += scratch.bytes(0..<copied)
  }

  /// Sets or removes an attribute whose value is complete.
  func set(_ attribute: NinePPendingAttribute, of node: NinePNode) throws(Errno) {
    guard attribute.value.count == attribute.byteCount, !node.isSealed else { throw .invalidArgument }
    if attribute.isRemoval {
      try DirectoryFiles.removeAttribute(attribute.name, of: node.number)
    } else {
      try DirectoryFiles.setAttribute(
        attribute.name, of: node.number, to: attribute.value, flags: Int32(attribute.flags))
    }
  }
}
