import CLinux
import HostSystem
import SystemPackage

/// Tlopen, Tlcreate, Tread, Twrite, Tfsync: the contents of files.
extension NinePServer {
  /// size[4] Tlopen tag[2] fid[4] flags[4]
  func lopen(_ reader: inout NinePReader, _ writer: inout NinePWriter) throws(Errno) {
    let fid = try self.fid(reader.number())
    let flags = NinePOpenFlags(rawValue: try reader.number())
    guard !fid.isOpen else { throw .invalidArgument }
    try open(fid, flags)
    try writeOpened(fid, &writer)
  }

  private func open(_ fid: NinePFid, _ flags: NinePOpenFlags) throws(Errno) {
    guard !(share.isReadOnly && flags.changesFile) else { throw .readOnlyFileSystem }
    fid.node = try nodes.hold(share.open(fid.node, flags: flags.hostFlags()))
    fid.use = fid.node.kind == .directory ? .directory(position: 0) : .file
    fid.isWritable = fid.node.kind == .file && flags.writes
  }

  /// qid[13] iounit[4]; no limit of its own is put on reads and writes.
  private func writeOpened(_ fid: NinePFid, _ writer: inout NinePWriter) throws(Errno) {
    try writer.qid(qid(of: fid.node))
    try writer.number(0 as UInt32)
  }

  /// size[4] Tlcreate tag[2] fid[4] name[s] flags[4] mode[4] gid[4]: the directory's fid becomes that of the file.
  func lcreate(_ reader: inout NinePReader, _ writer: inout NinePWriter) throws(Errno) {
    let number = try reader.number(UInt32.self)
    let name = try reader.string()
    let flags = NinePOpenFlags(rawValue: try reader.number())
    let mode = try reader.number(UInt32.self)
    let group = try reader.number(UInt32.self)
    let (fid, directory) = try self.directory(number)
    guard !fid.isOpen else { throw .invalidArgument }
    try nodes.checkRoom()
    do throws(Errno) {
      fid.node = try nodes.hold(
        share.createFile(
          name.name(), in: directory, flags: flags.hostFlags(), mode: mode,
          owner: .init(user: fid.user, group: group)))
      fid.use = .file
      fid.isWritable = flags.writes
    } catch  where error == .fileExists && !flags.contains(.exclusive) {
      // Opened as any other file: it may be a device or a FIFO.
      let found = NinePFid(try share.find(name.name(), in: directory), user: fid.user)
      guard found.node.kind != .directory else { throw .isDirectory }
      try open(found, flags)
      fid.node = found.node
      fid.use = found.use
      fid.isWritable = found.isWritable
    }
    try writeOpened(fid, &writer)
  }

  /// size[4] Tread tag[2] fid[4] offset[8] count[4]; the answer is count[4] and the data.
  func read(_ reader: inout NinePReader, _ writer: inout NinePWriter) throws(Errno) {
    let fid = try self.fid(reader.number())
    let offset = try reader.number(UInt64.self)
    let count = Int(try reader.number(UInt32.self))
    switch fid.use {
    case .path: throw .badFileDescriptor
    case .directory: throw .isDirectory
    case .attributeWrite: throw .invalidArgument
    case .attributeRead(let name):
      try writer.data(limit: min(count, roomForData), readAttribute(name, of: fid.node, offset: offset))
    case .file:
      guard let offset = Int64(exactly: offset) else { throw .invalidArgument }
      let limit = min(count, roomForData)
      let pieces = reply.slice(
        offset: NinePProtocol.dataHeaderByteCount, limit: limit, into: vectors)
      let done = try check(pieces.read(from: fid.node.number, at: offset))
      payloadByteCount = Int(done)
      try writer.number(UInt32(payloadByteCount))
    }
  }

  /// Maximum number of data bytes in the answer to a read, by the message size and by the memory for it.
  var roomForData: Int {
    max(0, min(messageLimit, reply.byteCount) - NinePProtocol.dataHeaderByteCount)
  }

  /// size[4] Twrite tag[2] fid[4] offset[8] count[4] data[count]
  func write(_ reader: inout NinePReader, _ writer: inout NinePWriter) throws(Errno) {
    let fid = try self.fid(reader.number())
    let offset = try reader.number(UInt64.self)
    let count = Int(try reader.number(UInt32.self))
    guard count <= dataByteCount else { throw .protocolError }
    switch fid.use {
    case .path, .directory: throw .badFileDescriptor
    case .attributeRead: throw .invalidArgument
    case .attributeWrite(var attribute):
      try append(count, at: offset, to: &attribute)
      fid.use = .attributeWrite(attribute)
      try writer.number(UInt32(count))
    case .file:
      guard let offset = Int64(exactly: offset) else { throw .invalidArgument }
      let pieces = request.slice(
        offset: NinePProtocol.writeHeaderByteCount, limit: count, into: vectors)
      let done = try check(pieces.write(to: fid.node.number, at: offset))
      try writer.number(UInt32(done))
    }
  }

  /// size[4] Tfsync tag[2] fid[4] datasync[4]
  func fsync(_ reader: inout NinePReader) throws(Errno) {
    let fid = try self.fid(reader.number())
    let dataOnly = try reader.number(UInt32.self) != 0
    switch fid.use {
    case .file, .directory:
      if dataOnly {
        try check(linux_fdatasync(fid.node.number))
      } else {
        try check(linux_fsync(fid.node.number))
      }
    case .path, .attributeRead, .attributeWrite: throw .badFileDescriptor
    }
  }
}
