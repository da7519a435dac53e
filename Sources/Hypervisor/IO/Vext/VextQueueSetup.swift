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
    var checkedWake = VextWake.never
    if !setup.features.isEmpty {
      let block = try unsafe wakeBlock(setup, rings: [submissions, completions])
      checkedWake = unsafe wake(block)
    }
    do {
      return try unsafe VextDeviceQueue(
        name: name, device: self, activity: activity, depth: setup.depth, submissionRing: submissionRing,
        completionRing: completionRing, wake: checkedWake, record: record)
    } catch {
      throw VextQueueFault(error: .outOfResources, detail: 0)
    }
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
