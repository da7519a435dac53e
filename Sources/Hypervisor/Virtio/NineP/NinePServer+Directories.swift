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
    try unsafe writer.data(limit: min(count, roomForData)) { target throws(Errno) in
      try unsafe fill(target, from: fid)
    }
  }

  private func fill(_ target: UnsafeMutableRawBufferPointer, from fid: NinePFid) throws(Errno) -> Int {
    guard target.count > 0, let base = target.baseAddress, let records = unsafe scratch.baseAddress
    else { return 0 }
    // The host's entries are about as large as those of the answer: few are read in vain.
    let room = unsafe min(scratch.count, target.count)
    let count = Int(try unsafe check(linux_read_directory(fid.node.number, records, room)))
    var entries = unsafe NinePWriter(entries: base, capacity: target.count)
    var done = 0
    while done < count {
      // SAFETY: the kernel wrote whole records, `count` bytes of them.
      let entry = unsafe linux_directory_entry(records + done, count - done)
      guard unsafe entry.record_byte_count > 0 else { throw .ioError }
      guard unsafe Self.entryByteCount + Int(entry.name_byte_count) <= entries.room else { break }
      try unsafe write(entry, of: fid.node, to: &entries)
      unsafe done += Int(entry.record_byte_count)
      unsafe fid.use = .directory(position: UInt64(bitPattern: entry.next_position))
    }
    if done < count {
      // The kernel is further on than the guest; the next request goes back to where this one ended.
      guard done > 0 else { throw .invalidArgument }
      guard case .directory(let position) = fid.use else { throw .badFileDescriptor }
      try check(linux_seek(fid.node.number, Int64(bitPattern: position)))
    }
    return entries.byteCount
  }

  private func write(
    _ entry: linux_directory_entry, of directory: NinePNode, to entries: inout NinePWriter
  ) throws(Errno) {
    // The directory above the root is not revealed.
    let isAboveRoot = unsafe directory.isSame(as: share.root) && entry.isParent
    let inode = unsafe isAboveRoot ? directory.inode : entry.inode
    let kind: NinePQid.Kind =
      switch unsafe entry.type {
      case NinePEntryType.directory: .directory
      case NinePEntryType.symbolicLink: .symbolicLink
      default: .file
      }
    try entries.qid(
      NinePQid(kind: kind, version: 0, path: devices.path(device: directory.device, inode: inode)))
    try unsafe entries.number(UInt64(bitPattern: entry.next_position))
    // Where modes are mapped, a regular file may stand for anything: 0 makes the guest ask for it (DT_UNKNOWN).
    let isKnown = unsafe !directory.isMapped || entry.type == NinePEntryType.directory
    try unsafe entries.number(isKnown ? entry.type : 0)
    try unsafe entries.string(entry.name, count: Int(entry.name_byte_count))
  }
}

/// Types of a directory's entries that qids tell apart (DT_DIR, DT_LNK).
enum NinePEntryType {
  static let directory: UInt8 = 4
  static let symbolicLink: UInt8 = 10
}

extension linux_directory_entry {
  /// Whether it is the directory above.
  var isParent: Bool { unsafe NinePString(pointer: name, byteCount: Int(name_byte_count)).isParent }
}
