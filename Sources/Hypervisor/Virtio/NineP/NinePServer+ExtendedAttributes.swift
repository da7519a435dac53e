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
      string.byteCount == 0 ? nil : try share.attributeRules.hostName(copy(string), isWritten: false)
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
    let name = try share.attributeRules.hostName(copy(string), isWritten: true)
    guard size <= NinePProtocol.attributeByteLimit else { throw .argListTooLong }
    let byteCount = Int(size)
    guard byteCount <= NinePProtocol.pendingAttributeByteLimit - pendingAttributeByteCount else {
      throw .noSpace
    }
    pendingAttributeByteCount += byteCount
    fid.use = .attributeWrite(NinePPendingAttribute(name: name, byteCount: byteCount, flags: flags))
  }

  private func copy(_ string: NinePString) throws(Errno) -> [CChar] {
    let text = try unsafe string.text(byteLimit: NinePProtocol.nameByteLimit)
    // SAFETY: the zero behind the bytes is there.
    return unsafe [CChar](UnsafeBufferPointer(start: text, count: string.byteCount + 1))
  }

  private func attributeByteCount(_ name: [CChar]?, of node: NinePNode) throws(Errno) -> Int {
    guard !node.isSealed else { throw .permissionDenied }
    guard let name else { return try listAttributes(of: node) }
    return Int(try unsafe check(linux_get_attribute(node.number, name, nil, 0)))
  }

  /// Puts the names of the attributes that the guest may see into the scratch, and returns their length in bytes.
  private func listAttributes(of node: NinePNode) throws(Errno) -> Int {
    let count = try unsafe check(
      linux_list_attributes(node.number, scratch.bindMemory(to: CChar.self).baseAddress, scratch.count))
    return unsafe share.attributeRules.filter(UnsafeMutableRawBufferPointer(rebasing: scratch[..<Int(count)]))
  }

  /// Copies the part of an attribute's value, or of all names, that begins at `offset`.
  ///
  /// Each call reads the value again, so that a fid costs no memory.
  func readAttribute(
    _ name: [CChar]?, of node: NinePNode, offset: UInt64, into target: UnsafeMutableRawBufferPointer
  ) throws(Errno) -> Int {
    // SAFETY: the scratch has as many bytes as it says.
    let count =
      if let name {
        Int(try unsafe check(linux_get_attribute(node.number, name, scratch.baseAddress, scratch.count)))
      } else {
        try listAttributes(of: node)
      }
    let start = min(Int(clamping: offset), count)
    let part = unsafe UnsafeRawBufferPointer(rebasing: scratch[start..<count]).prefix(target.count)
    unsafe target.copyBytes(from: part)
    return unsafe part.count
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
    guard let base = unsafe scratch.baseAddress else { return }
    // SAFETY: the count is at most an attribute's, which the scratch has room for.
    let copied = unsafe request.copyOut(to: base, offset: NinePProtocol.writeHeaderByteCount, limit: count)
    unsafe attribute.value.append(contentsOf: UnsafeRawBufferPointer(start: base, count: copied))
  }

  /// Sets or removes an attribute whose value is complete.
  func set(_ attribute: NinePPendingAttribute, of node: NinePNode) throws(Errno) {
    guard attribute.value.count == attribute.byteCount, !node.isSealed else { throw .invalidArgument }
    if attribute.isRemoval {
      try check(unsafe linux_remove_attribute(node.number, attribute.name))
    } else {
      try check(
        unsafe linux_set_attribute(
          node.number, attribute.name, attribute.value, attribute.byteCount, Int32(attribute.flags)))
    }
  }
}
