import CExt2
import SystemPackage

extension FileSystem {
  /// Moves the contents of a file from its inode to a block, in one step, before they change.
  func leaveInode(_ inode: OpenInode, _ content: [UInt8], _ resources: ServingResources) throws(Errno) {
    let memory = resources.zeros.slice(0, blockByteCount)
    memory.fill(with: 0)
    memory.copy(from: content)
    try change(resources) { (metadata) throws(Errno) in
      var block: UInt64?
      do throws(Errno) {
        if !content.isEmpty {
          let taken = try metadata.takeFirstBlock(of: try metadata.inode(inode.number))
          block = taken
          // Past the metadata cache, like all data.
          try resources.queue.perform(
            BlockRequest(.write, byteOffset: taken * UInt64(blockByteCount), memory: memory))
        }
        try metadata.batch { (metadata: inout Metadata) throws(Errno) in
          try metadata.leaveInode(inode.number, for: block, byteCount: UInt64(content.count))
        }
      } catch {
        if let block { metadata.giveBack(block: block, count: 1) }
        throw error
      }
    }
    inode.data = nil
    try readMap(inode, resources)
  }
}
