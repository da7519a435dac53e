import HostSystem
import Synchronization
import VextProtocol

/// The registers of one queue, and whether it is enabled.
final class VextQueueRegisters: Sendable {
  private struct State {
    var setup = VextQueueSetup()
    var isEnabled = false
    /// Whether the disk's storage did not answer what was in flight when the driver disabled the queue.
    var isLeaving = false
    /// The reason why the last attempt to enable the queue failed.
    var refusal = VextQueueFault.none
  }

  private let name: String
  private let log: VextLog
  private let port: any VextQueuePort
  private let signals: VextSignals?
  /// The eventfd that a write to the register `doorbell` signals; nil if the device does not offer DOORBELL.
  let doorbell: VextDoorbell?
  private let state = Mutex(State())

  init(
    index: UInt16, port: any VextQueuePort, log: VextLog, signals: VextSignals?, doorbell: VextDoorbell?
  ) {
    name = "queue \(index)"
    self.port = port
    self.log = log
    self.signals = signals
    self.doorbell = doorbell
  }

  func read(_ offset: UInt64, byteCount: Int) -> UInt64 {
    state.withLock { state in
      let value: UInt64
      let fault = self.fault(state)
      switch offset & ~7 {
      case VextQueueRegister.submissionRing.rawValue: value = state.setup.submissionRing
      case VextQueueRegister.completionRing.rawValue: value = state.setup.completionRing
      case VextQueueRegister.depth.rawValue: value = UInt64(state.setup.depth)
      case VextQueueRegister.state.rawValue:
        value = UInt64(queueState(state).rawValue) | UInt64(fault.error.rawValue) << 32
      case VextQueueRegister.errorDetail.rawValue: value = fault.detail
      case VextQueueRegister.wakeBlock.rawValue: value = state.setup.wakeBlock
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
    if offset == VextQueueRegister.yield.rawValue {
      // Whatever the driver accepted: the write has cost its exit.
      if signals?.contention != nil { HostThread.yieldCurrent() }
      return
    }
    state.withLock { state in
      switch offset {
      case VextQueueRegister.control.rawValue where byteCount == 4:
        if value == 1 {
          enable(&state)
        } else if value == 0 {
          disable(&state, nanoseconds: DiskTimeout.nanoseconds)
        }
      case VextQueueRegister.depth.rawValue where byteCount == 4 && !state.isEnabled:
        state.setup.depth = UInt32(truncatingIfNeeded: value)
      case _ where state.isEnabled: break  // the registers hold still while the queue is enabled
      default:
        switch offset & ~7 {
        case VextQueueRegister.submissionRing.rawValue:
          _ = RegisterAccess.write(
            value, into: &state.setup.submissionRing, offset: offset, byteCount: byteCount)
        case VextQueueRegister.completionRing.rawValue:
          _ = RegisterAccess.write(
            value, into: &state.setup.completionRing, offset: offset, byteCount: byteCount)
        case VextQueueRegister.wakeBlock.rawValue where signals != nil:
          _ = RegisterAccess.write(value, into: &state.setup.wakeBlock, offset: offset, byteCount: byteCount)
        default: break
        }
      }
    }
  }

  /// Disables the queue if it is enabled or stopped; waits for what is in flight, at most for `nanoseconds`.
  func disable(nanoseconds: UInt64) { state.withLock { disable(&$0, nanoseconds: nanoseconds) } }

  /// Whether nothing is in flight of a queue that was to be disabled.
  var isQuiet: Bool { port.isQuiet }

  private func enable(_ state: inout State) {
    guard !state.isEnabled else {
      state.refusal = VextQueueFault(error: .alreadyEnabled, detail: 0)
      return
    }
    state.setup.features = signals?.acceptedFeatures ?? []
    do throws(VextQueueFault) {
      try port.enable(state.setup)
      state.refusal = .none
      state.isEnabled = true
    } catch {
      state.refusal = error
      log.warn("\(name): not enabled: \(error.error)")
    }
  }

  private func disable(_ state: inout State, nanoseconds: UInt64) {
    guard state.isEnabled else { return }
    guard port.disable(nanoseconds: nanoseconds) else {
      // It stays enabled, without service, until the driver asks again and nothing is in flight.
      if !state.isLeaving { log.warn("\(name): the storage of the disk does not answer: not disabled yet") }
      state.isLeaving = true
      return
    }
    state.isLeaving = false
    state.isEnabled = false
    state.refusal = .none
  }

  private func queueState(_ state: State) -> VextQueueState {
    guard state.isEnabled else { return .disabled }
    return port.fault == .none ? .enabled : .stopped
  }

  private func fault(_ state: State) -> VextQueueFault {
    guard state.isEnabled else { return state.refusal }
    let fault = port.fault
    return fault == .none ? state.refusal : fault
  }
}
