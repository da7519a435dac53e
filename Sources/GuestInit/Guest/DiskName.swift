/// A disk or partition that the command line names by what is on it: `UUID=` or `LABEL=` of an ext2, ext3 or ext4 file system,
/// `PARTUUID=` or `PARTLABEL=` of a partition table.
// SAFETY: the buffer is the arena's, which takes nothing back, and as long as the constant says.
@safe
struct DiskName {
  private enum Mark {
    case identifier
    case label
    case partitionIdentifier
    case partitionLabel
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

  private let mark: Mark
  private let value: Text
  private let list: DiskList
  private let table: GuestPartitionTable
  private let superblock: UnsafeMutablePointer<UInt8>

  /// Whether `source` names a disk in this way, and is no path.
  static func isName(_ source: Text) -> Bool { parse(source) != nil }

  private static func parse(_ source: Text) -> (mark: Mark, value: Text)? {
    let kinds: InlineArray<4, (prefix: Text, mark: Mark)> = [
      ("UUID=", .identifier), ("LABEL=", .label), ("PARTUUID=", .partitionIdentifier),
      ("PARTLABEL=", .partitionLabel),
    ]
    for index in 0..<kinds.count where source.starts(with: kinds[index].prefix) {
      return (kinds[index].mark, source.dropFirst(kinds[index].prefix.count))
    }
    return nil
  }

  /// nil if `source` is a path.
  init?(_ source: Text, _ arena: inout InitArena) throws(Errno) {
    guard let (mark, value) = Self.parse(source) else { return nil }
    (self.mark, self.value) = (mark, value)
    list = try DiskList(&arena)
    table = try GuestPartitionTable(&arena)
    unsafe superblock = try arena.take(Superblock.byteCount)
  }

  /// The node of the disk, or nil as long as none is there.
  func find(_ arena: inout InitArena) throws(Errno) -> Text? {
    try list.first { name throws(Errno) in
      let node = try arena.join("/dev/", name)
      switch mark {
      case .identifier, .label: return hasFileSystem(node) ? node : nil
      case .partitionIdentifier, .partitionLabel:
        guard !Kernel.exists(try arena.join("/sys/class/block/", name, "/partition")),
          let number = partition(of: node)
        else { return nil }
        // A disk whose name ends in a digit has a "p" before its partitions' numbers.
        let endsInDigit = (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(name[name.count - 1])
        let partition = try arena.join(node, endsInDigit ? "p" : "", try arena.decimal(number))
        return Kernel.exists(partition) ? partition : nil
      }
    }
  }

  private func partition(of node: Text) -> UInt64? {
    guard let disk = try? Kernel.open(node) else { return nil }
    defer { Kernel.close(disk) }
    return mark == .partitionIdentifier
      ? table.number(on: disk, ofIdentifier: value) : table.number(on: disk, ofName: value)
  }

  /// A disk that cannot be read, such as a drive without a medium, is not the one.
  private func hasFileSystem(_ node: Text) -> Bool {
    do throws(Errno) {
      let disk = try Kernel.open(node)
      defer { Kernel.close(disk) }
      let count = unsafe try Kernel.read(
        disk, into: superblock, byteCount: Superblock.byteCount, at: Superblock.start)
      guard count == Superblock.byteCount, unsafe superblock[Superblock.magicOffset] == Superblock.magic.0,
        unsafe superblock[Superblock.magicOffset + 1] == Superblock.magic.1
      else { return false }
      return mark == .identifier ? hasIdentifier : hasLabel
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
      guard value.hexadecimalDigit(index) == (digitCount.isMultiple(of: 2) ? byte >> 4 : byte & 15) else {
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
}
