import SystemPackage

/// Tversion, Tattach, Twalk, Tclunk: the session and its fids.
extension NinePServer {
  /// size[4] Tversion tag[2] msize[4] version[s]: begins a session, and ends the one before it.
  func version(_ reader: inout NinePReader, _ writer: inout NinePWriter) throws(Errno) {
    let wish = Int(try reader.number(UInt32.self))
    let version = try reader.string()
    reset()
    guard wish >= NinePProtocol.messageByteLimits.lowerBound else { throw .messageTooLong }
    let limit = min(wish, NinePProtocol.messageByteLimits.upperBound)
    let isKnown = version.equals(NinePProtocol.version)
    if isKnown { messageLimit = limit }
    try writer.number(UInt32(limit))
    try writer.string(Array((isKnown ? NinePProtocol.version : NinePProtocol.unknownVersion).utf8))
  }

  /// size[4] Tattach tag[2] fid[4] afid[4] uname[s] aname[s] n_uname[4]
  func attach(_ reader: inout NinePReader, _ writer: inout NinePWriter) throws(Errno) {
    let number = try reader.number(UInt32.self)
    let authentication = try reader.number(UInt32.self)
    _ = try reader.string()
    let name = try reader.string()
    let user = try reader.number(UInt32.self)
    guard authentication == NinePProtocol.noFid else { throw .invalidArgument }
    guard name.byteCount == 0 || name.equals("/") else { throw .noSuchFileOrDirectory }
    let fid = NinePFid(share.root, user: user == NinePProtocol.noUser ? nil : user)
    let qid = try qid(of: fid.node)
    try add(fid, number: number)
    try writer.qid(qid)
  }

  /// size[4] Twalk tag[2] fid[4] newfid[4] nwname[2] nwname*(wname[s])
  ///
  /// The new fid comes to be only if every name was found; the answer tells how far the walk got.
  func walk(_ reader: inout NinePReader, _ writer: inout NinePWriter) throws(Errno) {
    let number = try reader.number(UInt32.self)
    let newNumber = try reader.number(UInt32.self)
    let nameCount = Int(try reader.number(UInt16.self))
    guard nameCount <= NinePProtocol.walkNameLimit else { throw .invalidArgument }
    let fid = try self.fid(number)
    guard newNumber != number || !fid.isOpen else { throw .invalidArgument }
    guard newNumber == number || fids[newNumber] == nil else { throw .invalidArgument }
    var node = fid.node
    var qids: [NinePQid] = []
    for index in 0..<nameCount {
      // A message that is broken further on is broken as a whole; one that leads nowhere tells how far it led.
      let name = try reader.string()
      do throws(Errno) {
        node = try step(from: node, to: name)
        qids.append(try qid(of: node))
      } catch  where index > 0 {
        break
      }
    }
    if qids.count == nameCount {
      // What is open has a position and an access mode that a copy must not share.
      if nameCount == 0, fid.isOpen { node = try nodes.hold(share.reference(node)) }
      let new = NinePFid(node, user: fid.user)
      if newNumber == number { fids[number] = new } else { try add(new, number: newNumber) }
    }
    try writer.number(UInt16(qids.count))
    for qid in qids { try writer.qid(qid) }
  }

  private func step(from directory: NinePNode, to name: NinePString) throws(Errno) -> NinePNode {
    if name.isParent { return try parent(of: directory) }
    let name = try name.name()
    let found = try share.find(name, in: directory)
    return try nodes.register(found, at: .init(directory: directory, name: name))
  }

  private func parent(of directory: NinePNode) throws(Errno) -> NinePNode {
    let parent = try share.parent(of: directory)
    guard parent !== share.root else { return parent }
    if let known = directory.entry?.place?.directory, known.isSame(as: parent) {
      try nodes.use(known)
      return known
    }
    return try nodes.hold(parent)
  }

  /// size[4] Tclunk tag[2] fid[4]: the fid is gone whatever the answer.
  func clunk(_ reader: inout NinePReader) throws(Errno) {
    try release(try reader.number())
  }

  /// Forgets a fid, and sets the attribute that was written through it.
  func release(_ number: UInt32) throws(Errno) {
    guard let fid = fids.removeValue(forKey: number) else { throw .badFileDescriptor }
    locks.unlockAll(fid)
    guard case .attributeWrite(let attribute) = fid.use else { return }
    pendingAttributeByteCount -= attribute.byteCount
    try nodes.use(fid.node)
    try set(attribute, of: fid.node)
  }

  /// The fid of this number.
  ///
  /// - Throws: EBADF where there is none, ESTALE where the host has moved its file.
  func fid(_ number: UInt32) throws(Errno) -> NinePFid {
    guard let fid = fids[number] else { throw .badFileDescriptor }
    try nodes.use(fid.node)
    return fid
  }

  /// Gives a fid its number.
  ///
  /// - Throws: EINVAL for a number that is taken or means none, ENFILE where there are too many.
  func add(_ fid: NinePFid, number: UInt32) throws(Errno) {
    guard number != NinePProtocol.noFid, fids[number] == nil else { throw .invalidArgument }
    guard fids.count < NinePProtocol.fidLimit else { throw .tooManyOpenFilesInSystem }
    fids[number] = fid
  }

  /// The directory that a request creates something in, or takes it from.
  func directory(_ number: UInt32) throws(Errno) -> (fid: NinePFid, node: NinePNode) {
    let fid = try fid(number)
    guard fid.node.kind == .directory else { throw .notDirectory }
    return (fid, fid.node)
  }

  /// The identity of `node` on the wire.
  func qid(of node: NinePNode) throws(Errno) -> NinePQid {
    qid(for: try node.status())
  }
}
