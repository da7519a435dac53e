import HostSystem
import SystemPackage
import Synchronization

/// When a machine was paused, in the clocks that its guest sees.
struct PausedMoment {
  let clockNanoseconds: UInt64
  let timestampCounter: UInt64
}

/// Pausing. Any thread but a vCPU's own.
extension Machine {
  /// Whether the machine is paused.
  public var isPaused: Bool { pausedMoment.withLock { $0 != nil } }

  /// Stops the guest where it is; returns when no vCPU runs guest code any more.
  ///
  /// - Returns: false where it is paused already, or does not run at all.
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

  /// Lets a paused guest go on. Its clocks go on from where they were, and its watchdogs are told.
  ///
  /// - Returns: false where it is not paused, or was stopped meanwhile.
  public func resume() throws(KVMError) -> Bool {
    try pausedMoment.withLock { (moment) throws(KVMError) in
      guard let paused = moment, isRunning else { return false }
      // All of them before any runs: KVM shares one clock among vCPUs whose TSC agrees.
      let ticks = SpinHint.timestampCounter() &- paused.timestampCounter
      do throws(KVMError) {
        for runner in vcpus {
          try runner.perform { (vcpu) throws(KVMError) in try vcpu.setTSCBack(ticks: ticks) }
        }
        try vm.setClock(nanoseconds: paused.clockNanoseconds)
      } catch {
        // Some clocks are set back and some are not: the guest could never trust them again.
        end(.crashed("the guest's clocks could not be set after a pause: \(error)"))
        throw error
      }
      moment = nil
      for runner in vcpus { runner.resume() }
      return true
    }
  }

  /// Whether a vCPU has its thread.
  var isRunning: Bool { vcpus.contains(where: \.isStarted) }
}
