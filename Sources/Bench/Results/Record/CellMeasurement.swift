import Hypervisor
/// What one guest did in one boot, within the measured window unless said otherwise.
struct CellMeasurement: Equatable, Sendable {
  /// Which guest, from 0.
  var guestIndex: Int
  /// Which part of a job file, from 0 (``FioJobFile/parts``).
  var part = 0
  /// Requests of the whole phase, where this is one of several groups of jobs: those that ``exits`` and CPU times belong to.
  var phaseRequests: UInt64?
  /// Requests answered, failed ones included.
  var requests: UInt64
  /// Bytes moved.
  var bytes: UInt64
  /// Requests that ended with an error.
  var errors: UInt64
  /// I/O blocks whose content was checked, in the whole boot.
  var verifiedBlocks: UInt64
  /// I/O blocks whose content was wrong, in the whole boot.
  var verifyErrors: UInt64
  /// Each worker's time from its first submission to its last answer.
  var elapsedSeconds: [Double]
  /// Sum over the workers of requests by elapsed time; in a Linux guest all requests by fio's measured phase.
  var iops: Double
  /// The latencies of all workers.
  var latency: LatencyDistribution
  /// vmexits of the guest's vCPUs within ``windowSeconds``.
  var exits: ExitCounts
  /// The same by cause; nil where causes were not counted.
  var causes: ExitCauseCounts?
  /// Why they were not, although the run asked for them.
  var causesAbsence: String?
  /// From the host's opening of the window to its closing: what the CPU times relate to.
  var windowSeconds: Double
  /// CPU time of all I/O threads, divided evenly among the guests that they served.
  var ioThreadCPUSeconds: Double
  /// CPU time of the guest's vCPU threads.
  var vcpuCPUSeconds: Double
  /// Bytes of the guest's disk.
  var diskByteCount: UInt64
  /// Where the threads and the memory really were.
  var granted: GrantedPlacement
  /// What only a Linux guest tells.
  var linux: LinuxDetails?
  /// What another VMM tells of itself; nil for ours.
  var peer: PeerRecord?
  /// What else happened on the host within the window.
  var conditions = WindowConditions()
}

extension CellMeasurement {
  /// How many requests the window of ``exits`` stands for: all of them, or in a Linux guest those of the part of fio's
  /// measured phase that was cut out.
  var windowRequests: Double {
    let requests = Double(phaseRequests ?? requests)
    guard let linux, linux.measuredSeconds > 0 else { return requests }
    return requests * windowSeconds / linux.measuredSeconds
  }

  /// I/O vmexits per request beyond those that the guest makes anyway, at `rates`. Negative where it made fewer.
  func ioVMExitsPerIO(beyond rates: ExitRates) -> Double {
    guard windowRequests > 0 else { return 0 }
    return (Double(exits.ioPath) - rates.ioVMExitsPerSecond * windowSeconds) / windowRequests
  }

  /// What a reader must know of the exits by cause; nil if there is nothing.
  var causesNote: String? {
    if let causesAbsence { return "exits by cause were not counted: \(causesAbsence)" }
    return causes?.deviation(from: exits).map { share in
      "exits by cause: KVM's tracepoint counted \(causes?.traced ?? 0) vmexits and its statistics \(exits.total), "
        + "\(NumberText.decimal(100 * share, digits: 1)) % apart"
    }
  }

  /// Bytes moved per second, from the requests per second and the bytes that a request moved on average.
  var bandwidthMiBPerSecond: Double {
    requests > 0 ? iops * Double(bytes) / Double(requests) / 1_048_576 : 0
  }
}
