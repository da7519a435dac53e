import Synchronization

/// What a run has seen.
struct CrashReport: CustomStringConvertible {
  var workloadCount = 0
  var operationCount = 0
  var writeCount = 0
  var stateCount = 0
  var leftOutCount = 0
  var distinctCount = 0
  var fsckCount = 0
  var verifiedCount = 0
  var oracleCount = 0
  var kernelCount = 0
  var cutReplayCount = 0
  var exceptionCount = 0
  /// The first exceptions, in words.
  var exceptions: [String] = []

  mutating func add(exception: String) {
    exceptionCount += 1
    if exceptions.count < 20 { exceptions.append(exception) }
  }

  mutating func add(_ other: CrashReport) {
    workloadCount += other.workloadCount
    operationCount += other.operationCount
    writeCount += other.writeCount
    stateCount += other.stateCount
    leftOutCount += other.leftOutCount
    distinctCount += other.distinctCount
    fsckCount += other.fsckCount
    verifiedCount += other.verifiedCount
    oracleCount += other.oracleCount
    kernelCount += other.kernelCount
    cutReplayCount += other.cutReplayCount
    exceptionCount += other.exceptionCount
    exceptions += other.exceptions.prefix(max(0, 20 - exceptions.count))
  }

  var description: String {
    """
    \(workloadCount) workloads, \(operationCount) operations, \(writeCount) writes; \(stateCount) crash states (\(leftOutCount) \
    more subsets left out; \(cutReplayCount) of them during a replay), \(verifiedCount) compared with the model, \(distinctCount) distinct file systems afterwards, \
    \(fsckCount) runs of e2fsck, \(oracleCount) states also replayed by e2fsck, \(kernelCount) by the kernel; \
    \(exceptionCount) exceptions
    """
  }
}
