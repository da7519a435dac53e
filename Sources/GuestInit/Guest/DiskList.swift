/// The disks and partitions that the kernel has, by /sys/class/block.
// SAFETY: the buffer is the arena's, which takes nothing back.
@safe
struct DiskList {
  /// An entry of a directory as getdents64(2) has it.
  private enum DirectoryEntry {
    static let byteCountOffset = 16
    static let nameOffset = 19
  }

  private static let listByteCount = 1 << 15

  private let list: UnsafeMutablePointer<UInt8>

  init(_ arena: inout InitArena) throws(Errno) { unsafe list = try arena.take(Self.listByteCount) }

  /// Calls `body` with the name of each until it returns a text, and returns that.
  func first(where body: (Text) throws(Errno) -> Text?) throws(Errno) -> Text? {
    let directory = try Kernel.open("/sys/class/block")
    defer { Kernel.close(directory) }
    while true {
      let count = unsafe try Kernel.readDirectory(directory, into: list, byteCount: Self.listByteCount)
      if count == 0 { return nil }
      var start = 0
      while start + DirectoryEntry.nameOffset < count {
        // SAFETY: the kernel ends every name with a NUL within its entry.
        let name = unsafe Text(start: list + start + DirectoryEntry.nameOffset)
        if !name.starts(with: "."), let found = try body(name) { return found }
        let length = start + DirectoryEntry.byteCountOffset
        start += unsafe Int(list[length]) | Int(list[length + 1]) << 8
      }
    }
  }

  /// Reports each with what is on it, for somebody whose root was not found.
  func report(_ arena: inout InitArena) {
    var isEmpty = true
    do throws(Errno) {
      _ = try first { name throws(Errno) in
        // Devices that nobody has put a medium into have no sectors.
        if try arena.contents(of: try arena.join("/sys/class/block/", name, "/size")).number() ?? 0 == 0 {
          return nil
        }
        isEmpty = false
        let node = try arena.join("/dev/", name)
        Guest.report("there is ", node, ": ", DiskContent.describe(node, &arena))
        return nil
      }
      if isEmpty { Guest.report("there is no disk") }
    } catch {
      Guest.report("cannot list the disks: ", error.text)
    }
  }
}
