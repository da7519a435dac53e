/// The parameters with which a guest loads the block driver for the vext queue (docs/linux-driver.md).
enum BlockDriverParameters {
  /// How long a submitter polls for the answer to a lone request, in microseconds.
  static let spinMicroseconds = 1000

  /// The words behind the module's name.
  ///
  /// - Parameter workerCount: the guest's vCPUs, each of which gets a polled queue if fio polls.
  static func words(_ mode: DataPathMode, _ engine: FioEngine, _ workerCount: Int) -> [String] {
    let polled = engine == .polledIOUring ? ["poll_queues=\(workerCount)"] : []
    switch mode {
    case .vext: return polled + ["spin_us=\(spinMicroseconds)"]
    case .vextAdaptive, .virtioBlock, .virtioBlockPolled, .virtioBlockTuned, .vextService,
      .vhostUserVextd, .vhostUserStorageDaemon, .virtio9P, .virtioFS, .host:
      return polled
    }
  }
}
