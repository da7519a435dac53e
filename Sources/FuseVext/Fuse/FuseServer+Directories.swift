import CFuse
import CLinux
import Glibc
import SystemPackage

extension FuseServer {
  /// Opens a directory. The kernel keeps the names that it reads until one of them changes.
  func openDirectory(
    _ node: fuse_ino_t, flags: Int32, _ request: inout FuseRequest, _ resources: ServingResources
  ) throws(Errno) {
    try noteOpening(ofDirectory: fileSystem.openInode(try Self.inodeNumber(node)), node, flags, resources)
    request.answerOpenedDirectory(flags: UInt32(FOPEN_CACHE_DIR | FOPEN_KEEP_CACHE))
  }

  /// Answers with the names from a position on, as many as there is room for in bytes.
  func readDirectory(
    _ node: fuse_ino_t, from position: Int, room: Int, _ request: inout FuseRequest,
    _ resources: ServingResources
  ) throws(Errno) {
    let room = resources.answer.slice(0, min(room, resources.answer.count))
    var used = 0
    try fileSystem.list(try Self.inodeNumber(node), from: UInt64(max(position, 0)), resources) {
      (_, listed) throws(Errno) in
      var attributes = stat()
      attributes.st_ino = UInt(listed.inode)
      attributes.st_mode = Self.mode(ofType: listed.type)
      let free = room.slice(used, room.count - used)
      let needed = request.add(listed.name, attributes, next: listed.next, to: free)
      guard needed <= free.count else { return false }
      used += needed
      return true
    }
    try noteListing(node, request.listingFlags, resources)
    request.answer(room.slice(0, used))
  }

  /// As ``readDirectory(_:from:room:_:_:)``, with all attributes.
  func readDirectoryWithAttributes(
    _ node: fuse_ino_t, from position: Int, room: Int, _ request: inout FuseRequest,
    _ resources: ServingResources
  ) throws(Errno) {
    let room = resources.answer.slice(0, min(room, resources.answer.count))
    let listed = try listWithAttributes(
      try Self.inodeNumber(node), from: UInt64(max(position, 0)), room: room.count, resources)
    var used = 0
    for (entry, seen) in listed {
      let free = room.slice(used, room.count - used)
      let found = seen.map { Self.entry(fileSystem.found($0, resources)) }
      var plain = fuse_entry_param()
      plain.attr.st_ino = UInt(entry.inode)
      plain.attr.st_mode = Self.mode(ofType: entry.type)
      used += request.add(entry.name, found ?? plain, next: entry.next, to: free)
    }
    try noteListing(node, request.listingFlags, resources)
    request.answer(room.slice(0, used))
  }

  /// As many entries as `room` has room for. `.` and `..`, and what cannot be read, come without a record: the kernel
  /// does not count an answer about them.
  private func listWithAttributes(
    _ number: UInt32, from position: UInt64, room: Int, _ resources: ServingResources
  ) throws(Errno) -> [(FileSystem.Listed, FileSystem.Seen?)] {
    var entries: [(FileSystem.Listed, FileSystem.Seen?)] = []
    var used = 0
    let fileSystem = fileSystem
    func add(_ metadata: inout Metadata, _ listed: FileSystem.Listed) throws(Errno) -> Bool {
      // struct fuse_direntplus: 128 bytes of entry, 24 of the name's record, the name, padded to 8.
      let needed = (128 + 24 + listed.name.count + 7) & ~7
      guard used + needed <= room else { return false }
      used += needed
      var seen: FileSystem.Seen?
      if listed.name != [0x2E], listed.name != [0x2E, 0x2E] {
        do throws(Errno) {
          if try metadata.lookup(listed.name, in: number)?.inode == listed.inode {
            let inode = try metadata.inode(listed.inode)
            if inode.mode != 0, inode.linkCount > 0 { seen = fileSystem.see(inode) }
          }
        } catch {
          // A program that needs more than the name causes a lookup.
          seen = nil
        }
      }
      entries.append((listed, seen))
      return true
    }
    do throws(Errno) {
      try fileSystem.list(number, from: position, resources, add)
    } catch {
      // No answer will name these inodes.
      for case (_, let seen?) in entries { try fileSystem.forget(seen.inode.number, count: 1, resources) }
      throw error
    }
    return entries
  }

  /// The type bits for a directory entry's type (`EXT2_FT_`).
  private static func mode(ofType type: UInt8) -> mode_t {
    let types: [mode_t] = [0, S_IFREG, S_IFDIR, S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK, S_IFLNK]
    return type < types.count ? types[Int(type)] : 0
  }
}
