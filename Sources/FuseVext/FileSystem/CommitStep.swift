import SystemPackage

/// The result of one step of a file's commit.
struct CommitStep {
  /// The block before which the disk knows all blocks of the file.
  var end: UInt64 = 0
  /// Number of promised blocks that pointers got.
  var keptPromiseCount: UInt64 = 0
  /// Number of reserved blocks that have pointers now.
  var mappedCount: UInt64 = 0
  /// Whether blocks beyond the file's size were given up.
  var gaveUp = false
  /// Whether the disk knows all of the file.
  var isLast = false
}

extension Metadata {
  /// Writes a part of what a file's data say, or all that is left: which blocks hold data, the size, the times.
  ///
  /// - Parameter position: Where the step before ended.
  mutating func commitStep(
    _ data: FileData?, of number: UInt32, from position: UInt64, writeTime: InodeTime?, accessTime: InodeTime?
  ) throws(Errno) -> CommitStep {
    var step = CommitStep(end: .max, isLast: true)
    var record = try inode(number)
    if let data {
      let pending = data.map.pendingRuns(from: position, stepMeter(usesExtents: data.usesExtents))
      var done = pending.count
      if data.usesExtents {
        (done, step.gaveUp) = try markWritten(pending, of: number, byteCount: data.byteCount)
        record = try inode(number)
      } else {
        step.keptPromiseCount = try mapReserved(pending, in: &record)
        step.mappedCount = pending.reduce(0) { $0 + $1.count }
      }
      if done > 0, data.map.hasPendingRuns(from: pending[done - 1].logicalEnd) {
        step.end = pending[done - 1].logicalEnd
        step.isLast = false
      }
    }
    if step.isLast {
      if let data { giveBackUnwritten(data, keptPromiseCount: step.keptPromiseCount) }
      if let writeTime { record.noteWrite(at: writeTime) }
      if let accessTime { record.accessTime = accessTime }
    }
    if let data {
      // No block with data lies beyond the size, nor is there room for bytes that no step has brought yet.
      let (reached, overflow) = step.end.multipliedReportingOverflow(by: UInt64(blockByteCount))
      let byteCount =
        step.isLast || overflow ? data.byteCount : max(record.byteCount, min(data.byteCount, reached))
      if byteCount != record.byteCount { try setByteCount(byteCount, of: &record) }
    }
    try write(record)
    return step
  }

  /// Gives back what a file of block pointers has reserved and never written. Nothing after this fails but with the device.
  private func giveBackUnwritten(_ data: FileData, keptPromiseCount: UInt64) {
    guard !data.usesExtents else { return }
    for run in data.map.runs where run.state == .unwritten { giveBackReserved(run) }
    reserved.endPromise(data.promisedCount - min(keptPromiseCount, data.promisedCount))
  }
}

extension FileData {
  /// Notes what a step of the commit has done, but for the state of the runs, which one call changes in the end.
  mutating func note(_ step: CommitStep, blockByteCount: Int) {
    promisedCount -= min(step.keptPromiseCount, promisedCount)
    reservedCount -= min(step.mappedCount, reservedCount)
    if step.gaveUp { map.cut(at: byteCount, blockByteCount: blockByteCount) }
  }
}
