import Synchronization
import SystemPackage

/// The device status (virtio 1.2 §2.1, §3.1): one register for both interfaces.
extension VirtioPCI {
  func reportedStatus(_ state: State) -> VirtioDeviceStatus {
    // The driver of a device whose storage hangs waits in the guest, where its vCPU can still be paused and stopped.
    if state.status.isEmpty, !device.isQuiet { return .acknowledge }
    // The legacy interface has no such bit, and its drivers treat unknown bits as failure.
    guard transport == .modern, signals.needsReset else { return state.status }
    return state.status.union(.deviceNeedsReset)
  }

  /// Handles the driver's steps of §3.1.1, or of §3.1.2 without FEATURES_OK.
  ///
  /// Bits are added one after the other; only a reset clears them.
  func writeStatus(_ state: inout State, _ value: VirtioDeviceStatus) {
    guard !value.isEmpty else { return reset(&state) }
    var new = state.status.union(value.intersection(.settable))
    switch transport {
    case .modern:
      let wanted = VirtioFeatures(rawValue: state.driverFeatures)
      if !wanted.isSubset(of: offeredFeatures) || !wanted.contains(.version1) { new.remove(.featuresOK) }
      if !new.contains(.featuresOK) { new.remove(.driverOK) }
    case .legacy: new.remove(.featuresOK)
    }
    if state.isShutDown { new.remove(.driverOK) }
    if !new.isEmpty, !device.isQuiet {
      // A driver that did not wait: what it asked for before may still be written into its memory.
      signals.fail(.notServed(.resourceBusy))
      return
    }
    let starts = new.contains(.driverOK) && !state.status.contains(.driverOK)
    state.status = new
    guard starts else { return }
    state.wasStarted = true
    startServing(&state)
  }

  /// Handles the reset of §2.4: a device status of zero.
  private func reset(_ state: inout State) {
    stopServing(&state)
    let (isShutDown, wasStarted) = (state.isShutDown, state.wasStarted)
    state = State(queueSizes: queueSizes)
    state.isShutDown = isShutDown
    state.wasStarted = wasStarted
    signals.reset()
    for channel in channels { channel.vector.store(VirtioSignals.noVector, ordering: .relaxed) }
  }
}
