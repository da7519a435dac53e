import HostSystem
import SystemPackage
import Synchronization

/// The moment of a pause, in the clocks that the guest sees.
struct PausedMoment {
  let clockNanoseconds: UInt64
  let timestampCounter: UInt64
}

/// Pausing. Any thread but a vCPU's own.
extension Machine {
  /// Whether the machine is paused.
  public var isPaused: Bool { pausedMoment.withLock { $0 != nil } }

  /// Pauses the guest; returns when no vCPU runs guest code.
  ///
  /// - Returns: false if the guest is paused already or is not running.
  public func pause() throws(KVMError) -> Bool {
    try pausedMoment.withLock { (moment) throws(KVMError) in
      guard moment == nil, isRunning else { return false }
      for runner in vcpus { runner.requestPause() }
      for runner in vcpus { runner.waitUntilAtRest() }
      do throws(KVMError) {
        moment = PausedMoment(
          clockNanoseconds: try vm.clockNanoseconds(), timestampCounter: SpinHint.timestampCounter())
      } catch {
        for runner in vcpus { runner.resume() }
        throw error
      }
      return true
    }
  }

  /// Continues a paused guest. Its clocks continue from their values at the pause, and its watchdogs learn of the pause.
  ///
  /// - Returns: false if the guest is not paused, or was stopped during the pause.
  public func resume() throws(KVMError) -> Bool {
    try pausedMoment.withLock { (moment) throws(KVMError) in
      guard let paused = moment, isRunning else { return false }
      // All vCPUs before any of them runs, because KVM shares one clock among vCPUs whose TSCs agree.
      let ticks = SpinHint.timestampCounter() &- paused.timestampCounter
      do throws(KVMError) {
        for runner in vcpus {
          try runner.perform { (vcpu) throws(KVMError) in try vcpu.setTSCBack(ticks: ticks) }
        }
        try vm.setClock(nanoseconds: paused.clockNanoseconds)
      } catch {
        // Some clocks are set back and some are not, so that the guest could never trust them again.
        end(.crashed("the guest's clocks could not be set after a pause: \(error)"))
        throw error
      }
      moment = nil
      for runner in vcpus { runner.resume() }
      return true
    }
  }

  /// Whether any vCPU has its thread.
  var isRunning: Bool { vcpus.contains(where: \.isStarted) }
}
