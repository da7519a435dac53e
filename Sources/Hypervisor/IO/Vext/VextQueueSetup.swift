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

extension VextQueueSetup {
  /// A run of guest memory, in bytes.
  typealias Run = (address: GuestAddress, byteCount: UInt64)

  /// The two rings. The sizes are those of the depth, which may be any number.
  var rings: (submissions: Run, completions: Run) {
    (
      (GuestAddress(submissionRing), UInt64(depth) * UInt64(VextSubmissionEntry.encodedByteCount)),
      (GuestAddress(completionRing), UInt64(depth) * UInt64(VextCompletionEntry.encodedByteCount))
    )
  }
}

/// Why a queue was not enabled, or has stopped (docs/vext-protocol.md §5.2).
struct VextQueueFault: Error, Equatable, Sendable {
  static let none = VextQueueFault(error: .none, detail: 0)

  let error: VextQueueError
  let detail: UInt64
}

extension VextServedDisk {
  /// Checks what a driver registered and makes the queue (docs/vext-protocol.md §5.1).
  ///
  /// - Parameters:
  ///   - name: names the queue in the log.
  ///   - record: what another process is to know of the queue.
  ///   - wake: how the two sides wake each other, given the checked wake block in host memory; not asked where the driver
  ///     accepted nothing.
  func makeQueue(
    _ setup: VextQueueSetup, name: String, activity: DiskActivity?, record: VextQueueRecord? = nil,
    wake: (GuestWakeBlock) -> VextWake
  ) throws(VextQueueFault) -> VextDeviceQueue {
    let place = try check(setup)
    return try queue(
      setup, name, activity, record, place.rings.submissions(), place.rings.completions(),
      place.wakeBlock.map(wake) ?? VextWake.never)
  }

  /// Checks the same, and continues a queue that a service had which has ended: first finishes what that service had in flight,
  /// on this thread (docs/vext-service.md §5).
  ///
  /// - Parameter engine: carries the requests out at once.
  func continueQueue(
    _ setup: VextQueueSetup, name: String, activity: DiskActivity?, record: VextQueueRecord,
    engine: inout BlockEngine, wake: (GuestWakeBlock) -> VextWake
  ) throws(VextQueueFault) -> VextDeviceQueue {
    let place = try check(setup)
    var recovered = RecoveredQueueState(place.rings, depth: setup.depth, record: record)
    try finish(&recovered, setup, record, &engine)
    let checkedWake = place.wakeBlock.map(wake) ?? VextWake.never
    // The service may have ended between an answer and its interrupt.
    checkedWake.raise()
    return try queue(
      setup, name, activity, record, recovered.submissions, recovered.completions, checkedWake)
  }

  private func finish(
    _ recovered: inout RecoveredQueueState, _ setup: VextQueueSetup, _ record: VextQueueRecord,
    _ engine: inout BlockEngine
  ) throws(VextQueueFault) {
    let requests = try requestTable(setup)
    for id in recovered.pending {
      let entry = record.entry(of: id)
      switch check(entry, depth: setup.depth, table: requests) {
      case .refused(let error): throw VextQueueFault(error: error, detail: UInt64(id))
      case .answered(let answer): recovered.completions.push(answer)
      case .admitted(let request):
        let start = engine.start(
          request.operation, on: disk, vectors: requests.vectors(of: id, count: request.vectorCount),
          offset: entry.offset,
          byteCount: request.byteCount, token: 0)
        guard case .finished(let result) = start else {
          preconditionFailure("the engine that finishes requests leaves none in flight")
        }
        recovered.completions.push(VextDeviceQueue.answer(id: id, result: result, wanted: request.byteCount))
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
    _ submissions: VextSubmissionConsumer, _ completions: VextCompletionProducer, _ wake: VextWake
  ) throws(VextQueueFault) -> VextDeviceQueue {
    do {
      return try VextDeviceQueue(
        name: name, served: self, activity: activity, depth: setup.depth, submissions: submissions,
        completions: completions, wake: wake, record: record)
    } catch {
      throw VextQueueFault(error: .outOfResources, detail: 0)
    }
  }

  /// The rings in host memory, and the wake block if a feature is in force.
  private func check(
    _ setup: VextQueueSetup
  ) throws(VextQueueFault) -> (rings: GuestRings, wakeBlock: GuestWakeBlock?) {
    guard (2...VextDevice.maxQueueDepth).contains(setup.depth), setup.depth.nonzeroBitCount == 1 else {
      throw VextQueueFault(error: .badDepth, detail: UInt64(setup.depth))
    }
    let (submissions, completions) = setup.rings
    try check(submissions)
    try check(completions)
    guard Self.areApart(submissions, completions) else {
      throw VextQueueFault(error: .ringsOverlap, detail: setup.completionRing)
    }
    guard let rings = GuestRings(setup, in: map) else {
      throw VextQueueFault(error: .ringOutsideMemory, detail: setup.submissionRing)
    }
    guard !setup.features.isEmpty else { return (rings, nil) }
    let address = GuestAddress(setup.wakeBlock)
    guard let block = GuestWakeBlock(at: address, in: map),
      [submissions, completions].allSatisfy({ Self.areApart($0, (address, VextWakeBlock.byteCount)) })
    else { throw VextQueueFault(error: .badWakeBlock, detail: setup.wakeBlock) }
    return (rings, block)
  }

  private func check(_ ring: VextQueueSetup.Run) throws(VextQueueFault) {
    guard ring.address.isAligned(to: 64) else {
      throw VextQueueFault(error: .misalignedRing, detail: ring.address.rawValue)
    }
    guard map.contains(ring.address, byteCount: ring.byteCount) else {
      throw VextQueueFault(error: .ringOutsideMemory, detail: ring.address.rawValue)
    }
  }

  /// Whether two runs that lie within guest memory, so that no sum overflows, have no byte in common.
  private static func areApart(_ first: VextQueueSetup.Run, _ second: VextQueueSetup.Run) -> Bool {
    first.address.rawValue + first.byteCount <= second.address.rawValue
      || second.address.rawValue + second.byteCount <= first.address.rawValue
  }
}
