import Synchronization
import SystemPackage
import VextProtocol

/// The registers of one queue, and the queue itself while it is enabled.
final class VextQueueSlot: Sendable {
  /// The reason why a queue could not be enabled.
  private struct Refusal: Error {
    let error: VextQueueError
    let detail: UInt64
  }

  private struct State {
    var submissionRing: UInt64 = 0
    var completionRing: UInt64 = 0
    var depth: UInt32 = 0
    var wakeBlock: UInt64 = 0
    var queue: VextDeviceQueue?
    /// Its way out, where the disk's storage does not answer what is under way.
    var leaving: IOQueueDetachment?
    /// The reason why the last attempt to enable the queue failed.
    var refusal = Refusal(error: .none, detail: 0)
  }

  private let name: String
  private let disk: VextRequestValidator
  private let server: any IOQueueServer
  private let activity: DiskActivity?
  private let signals: VextSignals?
  /// The eventfd that a write to the register `doorbell` signals; nil if the device does not offer DOORBELL.
  let doorbell: VextDoorbell?
  private let index: UInt16
  private let state = Mutex(State())

  init(
    index: UInt16, disk: VextRequestValidator, server: any IOQueueServer, activity: DiskActivity?,
    signals: VextSignals?,
    doorbell: VextDoorbell?
  ) {
    name = "queue \(index)"
    self.index = index
    self.disk = disk
    self.server = server
    self.activity = activity
    self.signals = signals
    self.doorbell = doorbell
  }

  func read(_ offset: UInt64, byteCount: Int) -> UInt64 {
    state.withLock { state in
      let value: UInt64
      let (error, detail) = Self.error(state)
      switch offset & ~7 {
      case VextQueueRegister.submissionRing.rawValue: value = state.submissionRing
      case VextQueueRegister.completionRing.rawValue: value = state.completionRing
      case VextQueueRegister.depth.rawValue: value = UInt64(state.depth)
      case VextQueueRegister.state.rawValue:
        value = UInt64(Self.queueState(state).rawValue) | UInt64(error.rawValue) << 32
      case VextQueueRegister.errorDetail.rawValue: value = detail
      case VextQueueRegister.wakeBlock.rawValue: value = state.wakeBlock
      default: value = 0
      }
      return RegisterAccess.read(value, offset: offset, byteCount: byteCount)
    }
  }

  func write(_ offset: UInt64, byteCount: Int, value: UInt64) {
    // Without the lock, because enabling or disabling may hold it as long as the slowest request takes.
    if offset == VextQueueRegister.doorbell.rawValue {
      doorbell?.ring()
      return
    }
    state.withLock { state in
      switch offset {
      case VextQueueRegister.control.rawValue where byteCount == 4:
        if value == 1 {
          enable(&state)
        } else if value == 0 {
          disable(&state, nanoseconds: DiskPatience.nanoseconds)
        }
      case VextQueueRegister.depth.rawValue where byteCount == 4 && state.queue == nil:
        state.depth = UInt32(truncatingIfNeeded: value)
      case _ where state.queue != nil: break  // the registers hold still while the queue is enabled
      default:
        switch offset & ~7 {
        case VextQueueRegister.submissionRing.rawValue:
          _ = RegisterAccess.write(value, into: &state.submissionRing, offset: offset, byteCount: byteCount)
        case VextQueueRegister.completionRing.rawValue:
          _ = RegisterAccess.write(value, into: &state.completionRing, offset: offset, byteCount: byteCount)
        case VextQueueRegister.wakeBlock.rawValue where signals != nil:
          _ = RegisterAccess.write(value, into: &state.wakeBlock, offset: offset, byteCount: byteCount)
        default: break
        }
      }
    }
  }

  /// Disables the queue if it is enabled or stopped; waits for what is under way, at most for `nanoseconds`.
  func disable(nanoseconds: UInt64) { state.withLock { disable(&$0, nanoseconds: nanoseconds) } }

  /// Whether nothing is under way of a queue that was to be disabled.
  var isQuiet: Bool { state.withLock { $0.leaving?.isDone ?? true } }

  private func enable(_ state: inout State) {
    guard state.queue == nil else {
      state.refusal = Refusal(error: .alreadyEnabled, detail: 0)
      return
    }
    do throws(Refusal) {
      let queue = try makeQueue(state)
      do throws(Errno) { try server.attach(queue) } catch {
        disk.log.warn("\(name): its I/O thread does not serve it: \(error)")
        throw Refusal(error: .outOfResources, detail: 0)
      }
      state.refusal = Refusal(error: .none, detail: 0)
      state.queue = queue
    } catch {
      state.refusal = error
      disk.log.warn("\(name): not enabled: \(error.error)")
    }
  }

  private func disable(_ state: inout State, nanoseconds: UInt64) {
    guard let queue = state.queue else { return }
    let detachment = state.leaving ?? server.startDetaching(queue)
    guard IOQueueDetachment.wait(for: [detachment], nanoseconds: nanoseconds) else {
      // It stays enabled, without service, until the driver asks again and nothing is under way.
      if state.leaving == nil {
        disk.log.warn("\(name): the storage of the disk does not answer: not disabled yet")
      }
      state.leaving = detachment
      return
    }
    state.leaving = nil
    state.queue = nil
    state.refusal = Refusal(error: .none, detail: 0)
  }

  private func makeQueue(_ state: State) throws(Refusal) -> VextDeviceQueue {
    let depth = UInt64(state.depth)
    guard (2...VextDevice.maxQueueDepth).contains(state.depth), state.depth.nonzeroBitCount == 1 else {
      throw Refusal(error: .badDepth, detail: depth)
    }
    let submissions = (state.submissionRing, depth * UInt64(SubmissionEntry.encodedByteCount))
    let completions = (state.completionRing, depth * UInt64(CompletionEntry.encodedByteCount))
    let submissionRing = try unsafe ring(submissions)
    let completionRing = try unsafe ring(completions)
    // Neither sum overflows: both runs lie within guest memory.
    guard submissions.0 + submissions.1 <= completions.0 || completions.0 + completions.1 <= submissions.0
    else {
      throw Refusal(error: .ringsOverlap, detail: completions.0)
    }
    let wake = try makeWake(state, rings: [submissions, completions])
    do {
      return try unsafe VextDeviceQueue(
        name: name, device: disk, activity: activity, depth: state.depth, submissionRing: submissionRing,
        completionRing: completionRing, wake: wake)
    } catch {
      throw Refusal(error: .outOfResources, detail: 0)
    }
  }

  /// Checks the wake block and makes the queue's ``VextWake`` from the features that the driver accepted.
  ///
  /// The wake block is ignored if the driver accepted no feature.
  private func makeWake(
    _ state: State, rings: [(address: UInt64, byteCount: UInt64)]
  ) throws(Refusal) -> VextWake {
    let features = signals?.acceptedFeatures ?? []
    guard !features.isEmpty else { return VextWake.never }
    let address = GuestAddress(state.wakeBlock)
    guard address.isAligned(to: 64),
      let block = unsafe disk.map.hostPointer(address, byteCount: WakeBlock.byteCount),
      // No sum overflows: all runs lie within guest memory.
      rings.allSatisfy({
        $0.address + $0.byteCount <= state.wakeBlock || state.wakeBlock + WakeBlock.byteCount <= $0.address
      })
    else { throw Refusal(error: .badWakeBlock, detail: state.wakeBlock) }
    return unsafe VextWake(
      features: features, block: block, doorbell: doorbell, interrupts: signals?.interrupts,
      vector: index)
  }

  private func ring(_ run: (address: UInt64, byteCount: UInt64)) throws(Refusal) -> UnsafeMutableRawPointer {
    let address = GuestAddress(run.address)
    guard address.isAligned(to: 64) else { throw Refusal(error: .misalignedRing, detail: run.address) }
    guard let host = unsafe disk.map.hostPointer(address, byteCount: run.byteCount) else {
      throw Refusal(error: .ringOutsideMemory, detail: run.address)
    }
    return unsafe host
  }

  private static func queueState(_ state: State) -> VextQueueState {
    guard let queue = state.queue else { return .disabled }
    return queue.error.0 == .none ? .enabled : .stopped
  }

  private static func error(_ state: State) -> (VextQueueError, UInt64) {
    guard let queue = state.queue, queue.error.0 != .none else {
      return (state.refusal.error, state.refusal.detail)
    }
    return queue.error
  }
}
