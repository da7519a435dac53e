import CLinux
import HostSystem
import SystemPackage

/// Treaddir.
extension NinePServer {
  /// A qid, offset[8], type[1] and the length of the name.
  private static let entryByteCount = 13 + 8 + 1 + 2

  /// size[4] Treaddir tag[2] fid[4] offset[8] count[4]; the answer is count[4] and entries of qid[13] offset[8] type[1]
  /// name[s].
  ///
  /// Offsets are the host's own positions, which stay right while files come and go.
  func readdir(_ reader: inout NinePReader, _ writer: inout NinePWriter) throws(Errno) {
    let fid = try self.fid(reader.number())
    let offset = try reader.number(UInt64.self)
    let count = Int(try reader.number(UInt32.self))
    guard case .directory(let position) = fid.use else { throw .badFileDescriptor }
    if offset != position {
      guard let offset = Int64(exactly: offset) else { throw .invalidArgument }
      try check(linux_seek(fid.node.number, offset))
      fid.use = .directory(position: UInt64(offset))
    }
    try writer.data(limit: min(count, roomForData)) { (entries) throws(Errno) in
      try fill(&entries, from: fid)
    }
  }

  private func fill(_ entries: inout NinePWriter, from fid: NinePFid) throws(Errno) {
    guard entries.room > 0 else { return }
    // The host's entries are about as large as those of the answer: few are read in vain.
    let room = 0..<min(scratch.byteCount, entries.room)
    let count = try scratch.withMutableBytes(room) { (records) throws(Errno) in
      try DirectoryFiles.readRecords(of: fid.node.number, into: &records)
    }
    var done = 0
    while done < count {
      guard let entry = NinePDirectoryRecord(scratch, done..<count) else { throw .ioError }
      guard Self.entryByteCount + entry.name.count <= entries.room else { break }
      try write(entry, of: fid.node, to: &entries)
      done += entry.byteCount
      fid.use = .directory(position: UInt64(bitPattern: entry.nextPosition))
    }
    if done < count {
      // The kernel is further on than the guest; the next request goes back to where this one ended.
      guard done > 0 else { throw .invalidArgument }
      guard case .directory(let position) = fid.use else { throw .badFileDescriptor }
      try check(linux_seek(fid.node.number, Int64(bitPattern: position)))
    }
  }

  private func write(
    _ entry: NinePDirectoryRecord, of directory: NinePNode, to entries: inout NinePWriter
  ) throws(Errno) {
    // The directory above the root is not revealed.
    let isAboveRoot = directory.isSame(as: share.root) && entry.isParent
    let inode = isAboveRoot ? directory.inode : entry.inode
    let kind: NinePQid.Kind =
      switch entry.type {
      case NinePDirectoryRecord.directory: .directory
      case NinePDirectoryRecord.symbolicLink: .symbolicLink
      default: .file
      }
    try entries.qid(
      NinePQid(kind: kind, version: 0, path: devices.path(device: directory.device, inode: inode)))
    try entries.number(UInt64(bitPattern: entry.nextPosition))
    // Where modes are mapped, a regular file may stand for anything: 0 makes the guest ask for it (DT_UNKNOWN).
    let isKnown = !directory.isMapped || entry.type == NinePDirectoryRecord.directory
    try entries.number(isKnown ? entry.type : 0)
    try entries.string(entry.name)
  }
}
