/// A disk that the command line names by its file system, `UUID=` or `LABEL=`: one of ext2, ext3 or ext4.
// SAFETY: both buffers are the arena's, which takes nothing back, and as long as the constants say.
@safe
struct DiskName {
  private enum Mark {
    case identifier
    case label
  }

  /// The superblock of ext4 (Documentation/filesystems/ext4/super.rst).
  private enum Superblock {
    static let start: UInt64 = 1024
    static let byteCount = 1024
    static let magicOffset = 0x38
    static let magic: (UInt8, UInt8) = (0x53, 0xEF)
    static let identifierOffset = 0x68
    static let identifierByteCount = 16
    static let labelOffset = 0x78
    static let labelByteCount = 16
  }

  /// An entry of a directory as getdents64(2) has it.
  private enum DirectoryEntry {
    static let byteCountOffset = 16
    static let nameOffset = 19
  }

  private static let listByteCount = 1 << 15

  private let mark: Mark
  private let value: Text
  private let list: UnsafeMutablePointer<UInt8>
  private let superblock: UnsafeMutablePointer<UInt8>

  /// nil if `source` is a path.
  init?(_ source: Text, _ arena: inout InitArena) throws(Errno) {
    let (identifier, label): (Text, Text) = ("UUID=", "LABEL=")
    if source.starts(with: identifier) {
      (mark, value) = (.identifier, source.dropFirst(identifier.count))
    } else if source.starts(with: label) {
      (mark, value) = (.label, source.dropFirst(label.count))
    } else {
      return nil
    }
    unsafe list = try arena.take(Self.listByteCount)
    unsafe superblock = try arena.take(Superblock.byteCount)
  }

  /// The node of the disk, or nil as long as none is there.
  func find(_ arena: inout InitArena) throws(Errno) -> Text? {
    let directory = try Kernel.open("/sys/class/block")
    defer { Kernel.close(directory) }
    while true {
      let count = unsafe try Kernel.readDirectory(directory, into: list, byteCount: Self.listByteCount)
      if count == 0 { return nil }
      var start = 0
      while start + DirectoryEntry.nameOffset < count {
        // SAFETY: the kernel ends every name with a NUL within its entry.
        let name = unsafe Text(start: list + start + DirectoryEntry.nameOffset)
        if !name.starts(with: ".") {
          let node = try arena.join("/dev/", name)
          if isNamed(node) { return node }
        }
        let length = start + DirectoryEntry.byteCountOffset
        start += unsafe Int(list[length]) | Int(list[length + 1]) << 8
      }
    }
  }

  /// A disk that cannot be read, such as a drive without a medium, is not the one.
  private func isNamed(_ node: Text) -> Bool {
    do throws(Errno) {
      let disk = try Kernel.open(node)
      defer { Kernel.close(disk) }
      let count = unsafe try Kernel.read(
        disk, into: superblock, byteCount: Superblock.byteCount, at: Superblock.start)
      guard count == Superblock.byteCount, unsafe superblock[Superblock.magicOffset] == Superblock.magic.0,
        unsafe superblock[Superblock.magicOffset + 1] == Superblock.magic.1
      else { return false }
      switch mark {
      case .identifier: return hasIdentifier
      case .label: return hasLabel
      }
    } catch {
      return false
    }
  }

  /// Two digits a byte, in either case, with hyphens anywhere.
  private var hasIdentifier: Bool {
    var digitCount = 0
    for index in 0..<value.count where value[index] != UInt8(ascii: "-") {
      guard digitCount < Superblock.identifierByteCount * 2 else { return false }
      let byte = unsafe superblock[Superblock.identifierOffset + digitCount / 2]
      guard Self.digit(value[index]) == (digitCount.isMultiple(of: 2) ? byte >> 4 : byte & 15) else {
        return false
      }
      digitCount += 1
    }
    return digitCount == Superblock.identifierByteCount * 2
  }

  private var hasLabel: Bool {
    guard !value.isEmpty, value.count <= Superblock.labelByteCount else { return false }
    for index in 0..<Superblock.labelByteCount {
      // A text reads as zero behind its end, and so does a shorter label.
      if unsafe superblock[Superblock.labelOffset + index] != value[index] { return false }
    }
    return true
  }

  private static func digit(_ character: UInt8) -> UInt8? {
    switch character {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): character - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
