/// What a disk or a partition holds, by the marks that file systems leave near its start.
enum DiskContent {
  private struct Mark {
    let offset: UInt64
    let bytes: Text
    let name: Text
  }

  /// The magic number of ext2 to ext4, two bytes that are not text.
  private static let extMagic: (offset: UInt64, bytes: (UInt8, UInt8)) = (0x438, (0x53, 0xEF))

  private static var marks: InlineArray<7, Mark> {
    [
      Mark(offset: 0, bytes: "XFSB", name: "xfs"), Mark(offset: 0x10040, bytes: "_BHRfS_M", name: "btrfs"),
      Mark(offset: 0, bytes: "hsqs", name: "squashfs"),
      Mark(offset: 0x8001, bytes: "CD001", name: "ISO 9660"), Mark(offset: 0x36, bytes: "FAT", name: "FAT"),
      Mark(offset: 0x52, bytes: "FAT32", name: "FAT"), Mark(offset: 0xFF6, bytes: "SWAPSPACE2", name: "swap"),
    ]
  }

  /// A phrase for a person.
  static func describe(_ node: Text, _ arena: inout InitArena) -> Text {
    do throws(Errno) {
      let disk = try Kernel.open(node)
      defer { Kernel.close(disk) }
      let buffer = unsafe try arena.take(16)
      var count = unsafe try Kernel.read(disk, into: buffer, byteCount: 2, at: extMagic.offset)
      if unsafe count == 2 && (buffer[0], buffer[1]) == extMagic.bytes { return "ext2, ext3 or ext4" }
      for index in 0..<marks.count {
        let mark = marks[index]
        count = unsafe try Kernel.read(disk, into: buffer, byteCount: mark.bytes.count, at: mark.offset)
        if unsafe Text(start: buffer, count: count) == mark.bytes { return mark.name }
      }
      count = unsafe try Kernel.read(disk, into: buffer, byteCount: 2, at: 510)
      return unsafe count == 2 && buffer[0] == 0x55 && buffer[1] == 0xAA
        ? "a partition table or a boot sector" : "no file system that is known here"
    } catch {
      return error.text
    }
  }
}
