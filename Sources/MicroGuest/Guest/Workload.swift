import CGuest

/// The phases of a worker: warm-up, measured window, verification (see WorkerState).
// SAFETY: the scratch histogram has as many buckets as the worker's block has.
@safe
struct Workload<Queue: DriverQueue> {
  private var load: Load<Queue>
  private var picker: RequestPicker
  private let parameters: Parameters
  private let block: WorkerBlock
  /// For the runs that are not measured.
  private let scratchHistogram: UnsafeMutablePointer<UInt64>

  init(
    queue: Queue, parameters: Parameters, block: WorkerBlock, arena: inout Arena
  ) throws(GuestFailure) {
    self.parameters = parameters
    self.block = block
    picker = RequestPicker(parameters)
    unsafe scratchHistogram = try arena.takeZeroed(UInt64.self, count: TickHistogram.bucketCount)
    load = try Load(queue: queue, parameters: parameters, block: block, arena: &arena)
  }

  /// Goes through all phases.
  mutating func run() throws(GuestFailure) {
    if parameters.verify && parameters.readPercent == 100 { try writeWholeSlice() }
    if parameters.warmupTicks > 0 {
      let outcome = unsafe try load.run(
        &picker, until: .init(ticks: parameters.warmupTicks), histogram: scratchHistogram)
      block[WorkerWord.warmupRequests] = outcome.requests
    }
    if parameters.misbehaviour != .none && parameters.worker == 0 {
      block[WorkerWord.misbehaviourError] = try load.queue.misbehave(
        parameters.misbehaviour, buffer: load.buffer(of: 0), parameters: parameters)
      return
    }
    block.enter(.ready)
    if waitForCommand(.measure) == HostCommand.measure.rawValue {
      try measure()
      waitForCommand(.finish)
    }
    let isToldToAbort = parameters.command >= HostCommand.abort.rawValue
    if parameters.verify && parameters.readPercent < 100 && !isToldToAbort { try readBack() }
    load.verifier.write(to: block)
  }

  private mutating func measure() throws(GuestFailure) {
    let kicks = load.queue.kicks
    let yields = load.queue.yields
    var limit = Load<Queue>.Limit()
    if parameters.runtimeTicks > 0 { limit.ticks = parameters.runtimeTicks }
    if parameters.requestLimit > 0 { limit.requests = parameters.requestLimit }
    block.enter(.measuring)
    let outcome = unsafe try load.run(&picker, until: limit, histogram: block.histogram)

    block[WorkerWord.elapsedTicks] = outcome.elapsedTicks
    block[WorkerWord.requests] = outcome.requests
    block[WorkerWord.bytes] = (outcome.requests - outcome.errors) * parameters.blockByteCount
    block[WorkerWord.errors] = outcome.errors
    block[WorkerWord.firstErrorStatus] = outcome.firstErrorStatus
    block[WorkerWord.kicks] = load.queue.kicks - kicks
    block[WorkerWord.yields] = load.queue.yields - yields
    outcome.latencies.write(to: block)
    load.verifier.write(to: block)
    block.enter(.measured)
  }

  /// Gives every block of the slice a known content, so that reads can be checked.
  private mutating func writeWholeSlice() throws(GuestFailure) {
    var writes = sequentialPicker(readPercent: 0)
    let slice = parameters.slice
    _ = unsafe try load.run(
      &writes, until: .init(requests: slice.upperBound - slice.lowerBound), histogram: scratchHistogram)
    try load.flush()
  }

  /// Reads every block whose content is known, and checks it.
  private mutating func readBack() throws(GuestFailure) {
    try load.flush()
    var reads = sequentialPicker(readPercent: 100)
    load.verifier.isReadingBack = true
    _ = unsafe try load.run(
      &reads, until: .init(requests: load.verifier.knownBlocks, command: .abort), histogram: scratchHistogram)
  }

  private func sequentialPicker(readPercent: UInt64) -> RequestPicker {
    RequestPicker(
      blocks: parameters.slice, isRandom: false, readPercent: readPercent, varied: true, seed: parameters.seed
    )
  }

  /// Waits for `command` or one above it, without an exit.
  @discardableResult
  private func waitForCommand(_ command: HostCommand) -> UInt64 {
    while true {
      let now = parameters.command
      if now >= command.rawValue { return now }
      guest_pause()
    }
  }
}
