import CExt2
import Glibc
import Synchronization
import SystemPackage

extension FileSystem {
  /// The kernel's view of a name: the inode's number, its generation and its attributes.
  struct Found {
    let number: UInt32
    let generation: UInt32
    let attributes: stat
    /// Whether the file is found by no other spelling of the name, which the kernel would remember on its own.
    let isOnlyName: Bool
  }

  /// Looks a name up and counts the answer; nil if there is none.
  func lookup(_ name: [UInt8], in parent: UInt32, _ resources: ServingResources) throws(Errno) -> Found? {
    let seen = try inspect(resources) { (metadata) throws(Errno) -> Seen? in
      guard name.count <= 255 else { throw .fileNameTooLong }
      guard let entry = try metadata.lookup(name, in: parent) else { return nil }
      let record = try metadata.inode(entry.inode)
      // A name of a free inode.
      guard record.mode != 0, record.linkCount > 0 else { throw .corrupted }
      return see(record)
    }
    guard let seen else { return nil }
    return found(seen, resources)
  }

  /// An inode that an answer to the kernel will name.
  struct Seen {
    let record: Inode
    let inode: OpenInode
  }

  /// Registers a reference that the kernel will hold. Call it with the metadata lock held after reading the inode's record, because
  /// the inode could otherwise be written and freed in between.
  func see(_ record: Inode) -> Seen { Seen(record: record, inode: remember(record.number)) }

  /// The answer to the kernel.
  func found(_ seen: Seen, _ resources: ServingResources) -> Found {
    Found(
      number: seen.record.number, generation: seen.record.raw.i_generation,
      attributes: attributes(seen, resources), isOnlyName: !foldsNames)
  }

  func create(_ name: [UInt8], in parent: UInt32, _ new: NewInode, _ resources: ServingResources)
    throws(Errno) -> Found
  {
    let (seen, isSynchronous) = try change(resources) { (metadata) throws(Errno) in
      let isSynchronous = try hasSynchronousNames(parent, &metadata)
      return (see(try metadata.create(name, in: parent, new)), isSynchronous)
    }
    try synchronizeNames(isSynchronous, counting: seen, resources)
    return found(seen, resources)
  }

  /// Makes a file without a name (`O_TMPFILE`), freed when the kernel forgets it unless it was linked.
  func createUnnamed(in parent: UInt32, _ new: NewInode, _ resources: ServingResources) throws(Errno) -> Found
  {
    let seen = try change(resources) { (metadata) throws(Errno) in
      let seen = see(try metadata.createUnnamed(in: parent, new))
      seen.inode.isOrphan.store(true, ordering: .relaxed)
      return seen
    }
    return found(seen, resources)
  }

  func link(_ number: UInt32, as name: [UInt8], in parent: UInt32, _ resources: ServingResources)
    throws(Errno) -> Found
  {
    let (seen, isSynchronous) = try change(resources) { (metadata) throws(Errno) in
      let isSynchronous = try hasSynchronousNames(parent, &metadata)
      let seen = see(try metadata.link(number, as: name, in: parent))
      seen.inode.isOrphan.store(false, ordering: .relaxed)
      return (seen, isSynchronous)
    }
    try synchronizeNames(isSynchronous, counting: seen, resources)
    return found(seen, resources)
  }

  func unlink(_ name: [UInt8], in parent: UInt32, _ resources: ServingResources) throws(Errno) {
    let (record, isSynchronous) = try change(resources) { (metadata) throws(Errno) in
      let isSynchronous = try hasSynchronousNames(parent, &metadata)
      return (try metadata.unlink(name, in: parent), isSynchronous)
    }
    try lostName(record, resources)
    if isSynchronous { try flush(resources) }
  }

  func removeDirectory(_ name: [UInt8], in parent: UInt32, _ resources: ServingResources) throws(Errno) {
    let (record, isSynchronous) = try change(resources) { (metadata) throws(Errno) in
      let isSynchronous = try hasSynchronousNames(parent, &metadata)
      return (try metadata.removeDirectory(name, in: parent), isSynchronous)
    }
    try lostName(record, resources)
    if isSynchronous { try flush(resources) }
  }

  /// Moves a name; `flags` are those of renameat2(2).
  func rename(
    _ source: Metadata.Place, to target: Metadata.Place, flags: UInt32, _ resources: ServingResources
  ) throws(Errno) {
    if flags == 0 { try commitReplacement(source, of: target, resources) }
    let (lost, isSynchronous) = try change(resources) { (metadata) throws(Errno) -> (Inode?, Bool) in
      var isSynchronous = try hasSynchronousNames(source.parent, &metadata)
      if !isSynchronous { isSynchronous = try hasSynchronousNames(target.parent, &metadata) }
      switch flags {
      case 0: return (try metadata.rename(source, to: target, mayReplace: true), isSynchronous)
      case 1: return (try metadata.rename(source, to: target, mayReplace: false), isSynchronous)
      case 2:
        try metadata.exchange(source, target)
        return (nil, isSynchronous)
      default: throw .invalidArgument
      }
    }
    if let lost { try lostName(lost, resources) }
    if isSynchronous { try flush(resources) }
  }

  /// Whether a change of a directory's names must be durable when it is answered (`dirsync`, `FS_DIRSYNC_FL`).
  private func hasSynchronousNames(_ parent: UInt32, _ metadata: inout Metadata) throws(Errno) -> Bool {
    if durability != .byFlags { return true }
    return try metadata.inode(parent).hasSynchronousNames
  }

  /// Makes a new name durable if requested. After an error the kernel does not learn of the inode, so `seen` is undone.
  private func synchronizeNames(_ isSynchronous: Bool, counting seen: Seen, _ resources: ServingResources)
    throws(Errno)
  {
    guard isSynchronous else { return }
    do throws(Errno) {
      try flush(resources)
    } catch {
      try forget(seen.inode.number, count: 1, resources)
      throw error
    }
  }

  /// The target of a symbolic link.
  func symbolicLinkTarget(_ number: UInt32, _ resources: ServingResources) throws(Errno) -> [UInt8] {
    try inspect(resources) { (metadata) throws(Errno) in
      let record = try metadata.inode(number)
      guard record.isSymbolicLink else { throw .invalidArgument }
      if record.isEncrypted { throw .noKey }
      let count = Int(clamping: record.byteCount)
      guard count > 0 else { throw .corrupted }
      if metadata.isInline(record) { return try metadata.inlineData(of: record) }
      if count < Inode.blockByteCount { return Array(record.blockBytes.prefix(count)) }
      guard count < metadata.blockByteCount, let run = try metadata.runs(of: record).runs.first,
        run.logical == 0,
        run.state == .written
      else { throw .corrupted }
      return try metadata.cache.read(
        byteOffset: run.physical * UInt64(metadata.blockByteCount), byteCount: count)
    }
  }

  /// A name in the listing of a directory.
  struct Listed {
    let name: [UInt8]
    let inode: UInt32
    let type: UInt8
    /// The position at which a later listing continues.
    let next: UInt64
  }

  /// The names of a directory from a position on, until `take` says that there are enough.
  ///
  /// A position is a place in the directory's blocks, where an entry stays as long as it is there.
  func list(
    _ number: UInt32, from position: UInt64, _ resources: ServingResources,
    _ take: (inout Metadata, Listed) throws(Errno) -> Bool
  ) throws(Errno) {
    try inspect(resources) { (metadata) throws(Errno) in
      let directory = try metadata.directory(number)
      if directory.isEncrypted { throw .noKey }
      let size = UInt64(blockByteCount)
      var index = Int(clamping: position / size)
      while index < directory.blockCount {
        let block = try metadata.readBlock(index, of: directory)
        guard let records = block.records() else { throw .corrupted }
        for record in records where record.inode != 0 && record.nameByteCount > 0 {
          let start = UInt64(index) * size + UInt64(record.offset)
          guard start >= position else { continue }
          let name = block.name(of: record)
          // Such a name is invalid, and the kernel would answer the whole listing with EIO.
          guard !name.contains(0), !name.contains(0x2F) else { throw .corrupted }
          let listed = Listed(
            name: name, inode: record.inode, type: record.type, next: start + UInt64(record.byteCount))
          if try !take(&metadata, listed) { return }
        }
        index += 1
      }
    }
  }
}
