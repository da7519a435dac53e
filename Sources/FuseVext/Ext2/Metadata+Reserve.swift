import CExt2
import SystemPackage

/// Files of block pointers get blocks for new data in memory alone, since a pointer cannot say "unwritten": the disk learns of
/// them when they hold data. See ``ReservedBlocks``.
extension Metadata {
  /// The result of ``reserve(_:of:map:)``.
  struct Reservation {
    /// The places of the file's blocks.
    var map: ExtentMap
    /// The blocks that were chosen for it.
    var blockCount: UInt64 = 0
    /// Number of blocks that the pointers to reserved blocks will need.
    var promisedCount: UInt64 = 0
  }

  /// Fills the holes of a range with reserved blocks, and sees to it that there will be room for the pointers to them.
  ///
  /// - Parameter map: What the file has. After an error it is what it had.
  func reserve(_ range: Range<UInt64>, of number: UInt32, map: ExtentMap) throws(Errno) -> Reservation {
    let file = try inode(number)
    let shape = blockMapShape
    guard !file.usesExtents, range.upperBound <= shape.blockLimit else { throw .fileTooLarge }
    let holes = map.holes(in: range)
    // Holes that share pointer blocks need fewer than this.
    let needed = holes.reduce(UInt64(0)) { sum, hole in
      let count = hole.upperBound - hole.lowerBound
      let run = Run(logical: hole.lowerBound, physical: 0, count: count, state: .unwritten)
      return sum + count + shape.pointerBlockCount(for: run, beside: map)
    }
    try checkRoom(for: needed, leaving: heldBackBlockCount)
    var result = Reservation(map: map)
    var taken: [Run] = []
    do throws(Errno) {
      for hole in holes {
        var block = hole.lowerBound
        while block < hole.upperBound {
          let run = try findRun(for: block..<hole.upperBound, of: file, map: result.map)
          guard run.physical + run.count <= 1 << 32 else { throw .noSpace }
          library.markUsed(block: run.physical, count: run.count)
          reserved.insert(run.physical..<run.physical + run.count)
          taken.append(run)
          result.blockCount += run.count
          result.promisedCount += shape.pointerBlockCount(for: run, beside: result.map)
          result.map.replace(run.logical..<run.logicalEnd, with: [run])
          block = run.logicalEnd
        }
      }
    } catch {
      for run in taken { giveBackReserved(run) }
      throw error
    }
    reserved.promise(result.promisedCount)
    return result
  }

  /// Points at reserved blocks, which hold data now. Within a batch.
  ///
  /// - Returns: How many of the promised blocks pointers took. After an error nothing is changed.
  mutating func mapReserved(_ runs: [Run], in inode: inout Inode) throws(Errno) -> UInt64 {
    guard !runs.isEmpty else { return 0 }
    let taken = try mapBlocks(runs, in: &inode, isPromised: true)
    reserved.endPromise(taken)
    for run in runs {
      reserved.remove(run.physical..<run.physical + run.count)
      countBlocks(run.physical, run.count, isUsed: true)
    }
    return taken
  }

  /// Lets the allocator have reserved blocks.
  func giveBackReserved(_ run: Run) {
    reserved.remove(run.physical..<run.physical + run.count)
    library.markFree(block: run.physical, count: run.count)
  }

  /// Releases the reserved blocks of a file, which exist only in memory.
  func giveBackReserved(_ data: FileData) {
    guard !data.usesExtents else { return }
    for run in data.map.runs where run.state != .written { giveBackReserved(run) }
    reserved.endPromise(data.promisedCount)
  }
}
