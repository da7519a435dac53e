import SystemPackage
import VextProtocol

/// What a driver registered for a queue that it enables. All of it is whatever a hostile guest wrote.
struct VextQueueSetup: Equatable, Sendable {
  /// Guest-physical addresses.
  var submissionRing: UInt64 = 0
  var completionRing: UInt64 = 0
  var wakeBlock: UInt64 = 0
  var depth: UInt32 = 0
  /// What the driver accepted of waking each other.
  var features: VextFeatures = []
}

/// Why a queue was not enabled, or has stopped (docs/vext-protocol.md §5.2).
struct VextQueueFault: Error, Equatable, Sendable {
  static let none = VextQueueFault(error: .none, detail: 0)

  let error: VextQueueError
  let detail: UInt64
}

extension VextRequestValidator {
  /// Checks what a driver registered and makes the queue (docs/vext-protocol.md §5.1).
  ///
  /// - Parameters:
  ///   - name: names the queue in the log.
  ///   - record: what another process is to know of the queue.
  ///   - wake: how the two sides wake each other, given the checked wake block in host memory; not asked where the driver
  ///     accepted nothing.
  func makeQueue(
    _ setup: VextQueueSetup, name: String, activity: DiskActivity?, record: VextQueueRecord? = nil,
    wake: (UnsafeMutableRawPointer) -> VextWake
  ) throws(VextQueueFault) -> VextDeviceQueue {
    let place = try unsafe check(setup)
    // SAFETY: the check established that both rings lie in guest memory, which the queue keeps mapped.
    let submissions = unsafe SubmissionConsumer(ring: place.submissionRing, depth: setup.depth)
    let completions = unsafe CompletionProducer(ring: place.completionRing, depth: setup.depth)
    return try queue(
      setup, name, activity, record, submissions, completions,
      unsafe place.wakeBlock.map(wake) ?? VextWake.never)
  }

  /// Checks the same, and continues a queue that a service had which has ended: first finishes what that service had under way, on
  /// this thread (docs/vext-service.md §5).
  ///
  /// - Parameter engine: carries the requests out at once.
  func continueQueue(
    _ setup: VextQueueSetup, name: String, activity: DiskActivity?, record: VextQueueRecord,
    engine: inout BlockEngine, wake: (UnsafeMutableRawPointer) -> VextWake
  ) throws(VextQueueFault) -> VextDeviceQueue {
    let place = try unsafe check(setup)
    // SAFETY: as above.
    var remains = unsafe VextQueueRemains(
      submissionRing: place.submissionRing, completionRing: place.completionRing, depth: setup.depth,
      record: record)
    try finish(&remains, setup, record, &engine)
    let checkedWake = unsafe place.wakeBlock.map(wake) ?? VextWake.never
    // The service may have ended between an answer and its interrupt.
    checkedWake.raise()
    return try queue(
      setup, name, activity, record, remains.submissions, remains.completions, checkedWake)
  }

  private func finish(
    _ remains: inout VextQueueRemains, _ setup: VextQueueSetup, _ record: VextQueueRecord,
    _ engine: inout BlockEngine
  ) throws(VextQueueFault) {
    let requests = try requestTable(setup)
    for id in remains.pending {
      let entry = record.entry(of: id)
      switch check(entry, depth: setup.depth, table: requests) {
      case .refused(let error): throw VextQueueFault(error: error, detail: UInt64(id))
      case .answered(let answer): remains.completions.push(answer)
      case .admitted(let request):
        let start = unsafe engine.start(
          request.operation, on: disk, vectors: requests.vectors(of: id), vectorCount: request.vectorCount,
          offset: entry.offset, byteCount: request.byteCount, token: 0)
        guard case .finished(let result) = start else {
          preconditionFailure("the engine that finishes requests leaves none under way")
        }
        remains.completions.push(VextDeviceQueue.answer(id: id, result: result, wanted: request.byteCount))
      }
      record.end(id)
    }
  }

  private func requestTable(_ setup: VextQueueSetup) throws(VextQueueFault) -> VextDeviceRequestTable {
    do { return try VextDeviceRequestTable(depth: Int(setup.depth)) } catch {
      throw VextQueueFault(error: .outOfResources, detail: 0)
    }
  }

  private func queue(
    _ setup: VextQueueSetup, _ name: String, _ activity: DiskActivity?, _ record: VextQueueRecord?,
    _ submissions: SubmissionConsumer, _ completions: CompletionProducer, _ wake: VextWake
  ) throws(VextQueueFault) -> VextDeviceQueue {
    do {
      return try VextDeviceQueue(
        name: name, device: self, activity: activity, depth: setup.depth, submissions: submissions,
        completions: completions, wake: wake, record: record)
    } catch {
      throw VextQueueFault(error: .outOfResources, detail: 0)
    }
  }

  /// Where the rings are in host memory, and the wake block if a feature is in force.
  private func check(
    _ setup: VextQueueSetup
  ) throws(VextQueueFault) -> (
    submissionRing: UnsafeMutableRawPointer, completionRing: UnsafeMutableRawPointer,
    wakeBlock: UnsafeMutableRawPointer?
  ) {
    let depth = UInt64(setup.depth)
    guard (2...VextDevice.maxQueueDepth).contains(setup.depth), setup.depth.nonzeroBitCount == 1 else {
      throw VextQueueFault(error: .badDepth, detail: depth)
    }
    let submissions = (setup.submissionRing, depth * UInt64(SubmissionEntry.encodedByteCount))
    let completions = (setup.completionRing, depth * UInt64(CompletionEntry.encodedByteCount))
    let submissionRing = try unsafe ring(submissions)
    let completionRing = try unsafe ring(completions)
    // Neither sum overflows: both runs lie within guest memory.
    guard submissions.0 + submissions.1 <= completions.0 || completions.0 + completions.1 <= submissions.0
    else {
      throw VextQueueFault(error: .ringsOverlap, detail: completions.0)
    }
    let block =
      unsafe setup.features.isEmpty ? nil : try wakeBlock(setup, rings: [submissions, completions])
    return unsafe (submissionRing, completionRing, block)
  }

  private func wakeBlock(
    _ setup: VextQueueSetup, rings: [(address: UInt64, byteCount: UInt64)]
  ) throws(VextQueueFault) -> UnsafeMutableRawPointer {
    let address = GuestAddress(setup.wakeBlock)
    guard address.isAligned(to: 64),
      let block = unsafe map.hostPointer(address, byteCount: WakeBlock.byteCount),
      // No sum overflows: all runs lie within guest memory.
      rings.allSatisfy({
        $0.address + $0.byteCount <= setup.wakeBlock || setup.wakeBlock + WakeBlock.byteCount <= $0.address
      })
    else { throw VextQueueFault(error: .badWakeBlock, detail: setup.wakeBlock) }
    return unsafe block
  }

  private func ring(
    _ run: (address: UInt64, byteCount: UInt64)
  ) throws(VextQueueFault) -> UnsafeMutableRawPointer {
    let address = GuestAddress(run.address)
    guard address.isAligned(to: 64) else { throw VextQueueFault(error: .misalignedRing, detail: run.address) }
    guard let host = unsafe map.hostPointer(address, byteCount: run.byteCount) else {
      throw VextQueueFault(error: .ringOutsideMemory, detail: run.address)
    }
    return unsafe host
  }
}
