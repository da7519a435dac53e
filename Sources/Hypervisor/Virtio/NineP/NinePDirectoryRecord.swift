/// An entry of a directory as the kernel writes it (struct linux_dirent64 of getdents64(2)).
///
/// ```
/// byte 0: inode (64 bits)   8: next position (64)   16: length of the record (16)   18: type (8)   19: name, zero at its end
/// ```
struct NinePDirectoryRecord {
  /// Types that qids tell apart (DT_DIR, DT_LNK).
  static let directory: UInt8 = 4
  static let symbolicLink: UInt8 = 10

  private static let nameOffset = 19

  let inode: UInt64
  /// Where the directory is read on after this entry.
  let nextPosition: Int64
  let type: UInt8
  /// The name without the zero.
  let name: [UInt8]
  /// Size of the record.
  let byteCount: Int

  /// Takes apart the first of the records that are in `range` of `buffer`; nil where there is no whole one.
  init?(_ buffer: HostBuffer, _ range: Range<Int>) {
    guard range.count > Self.nameOffset else { return nil }
    let start = range.lowerBound
    byteCount = Int(buffer.loadLittleEndian(UInt16.self, at: start + 16))
    guard byteCount > Self.nameOffset, byteCount <= range.count else { return nil }
    inode = buffer.loadLittleEndian(at: start)
    nextPosition = buffer.loadLittleEndian(at: start + 8)
    type = buffer.loadLittleEndian(at: start + 18)
    let text = buffer.bytes(start + Self.nameOffset..<start + byteCount)
    name = Array(text.prefix { $0 != 0 })
  }

  /// Whether it is the directory above.
  var isParent: Bool { name.elementsEqual("..".utf8) }
}
