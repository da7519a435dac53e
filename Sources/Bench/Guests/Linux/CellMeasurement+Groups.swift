extension CellMeasurement {
  /// The measurements of `groups`, which fio ran in one phase: each has its own requests and latencies; window, exits and CPU times
  /// are those of the phase, which this measurement is about.
  func parts(_ groups: [FioOutput], ofPhase phase: Int, job: FioJobFile?) -> [CellMeasurement] {
    let first = job?.parts(ofPhase: phase).lowerBound ?? 0
    return groups.enumerated().map { index, fio in
      var part = self
      part.part = first + index
      guard groups.count > 1 else { return part }
      part.phaseRequests = requests
      part.requests = fio.requests
      part.bytes = fio.bytes
      part.errors = fio.errors
      part.verifiedBlocks = job?.parts[first + index].verifies == true ? fio.readRequests : 0
      part.verifyErrors = fio.verifyErrors
      part.elapsedSeconds = fio.jobSeconds
      part.iops = fio.iops
      part.latency = fio.latency
      part.linux?.latencyKind = fio.latencyKind
      return part
    }
  }
}
