import Synchronization

/// The signals of a device outside of its queues: interrupts, the ISR byte, and the need for a reset.
///
/// I/O threads raise interrupts and report errors, vCPU threads configure. No method waits for the transport's lock.
final class VirtioSignals: Sendable {
  /// VIRTIO_MSI_NO_VECTOR (virtio 1.2 §4.1.5.1.2): no interrupt.
  static let noVector: UInt16 = 0xFFFF

  /// Bits of the ISR status (virtio 1.2 §4.1.4.5).
  private enum ISR {
    static let queue: UInt8 = 1
    static let configuration: UInt8 = 2
  }

  /// The vector of configuration changes.
  let configurationVector = Atomic<UInt16>(VirtioSignals.noVector)
  private let msix: MSIXTable
  private let pin: PCIInterruptPin
  /// The ISR status, which drives the pin while MSI-X is off. One lock guards both, so that they always agree.
  private let isr = Mutex<UInt8>(0)
  private let generation = Atomic<UInt8>(0)
  private let firstFailure = Mutex<VirtqueueError?>(nil)
  private let needsResetFlag = Atomic<Bool>(false)

  init(msix: MSIXTable, pin: PCIInterruptPin) {
    self.msix = msix
    self.pin = pin
  }

  /// The error that stopped the first queue since the last reset.
  var failure: VirtqueueError? { firstFailure.withLock { $0 } }

  /// Whether a queue has stopped since the last reset.
  var needsReset: Bool { needsResetFlag.load(ordering: .acquiring) }

  /// Raises a queue's interrupt: its vector, or the pin (virtio 1.2 §4.1.5.3). With MSI-X it takes no lock.
  func raise(_ vector: UInt16) {
    // With a vector the driver need not read which interrupt it was.
    if msix.isEnabled, vector != Self.noVector { msix.raise(vector) } else { setISR(ISR.queue) }
  }

  /// The eventfd that is `vector`'s interrupt, for another process; nil while there is none.
  func sharedEventDescriptor(of vector: UInt16) -> Int32? {
    guard msix.isShared, msix.isEnabled, Int(vector) < msix.vectorCount else { return nil }
    return msix.eventDescriptor(of: Int(vector))
  }

  /// Records why a queue stopped, and reports it to the driver.
  func fail(_ error: VirtqueueError) {
    firstFailure.withLock { failure in if failure == nil { failure = error } }
    needsResetFlag.store(true, ordering: .releasing)
    raiseConfigurationInterrupt()
  }

  /// Reports a change of the device-specific configuration to the driver (virtio 1.2 §4.1.4.5, §2.5). Any thread.
  func configurationChanged() {
    generation.wrappingAdd(1, ordering: .releasing)
    raiseConfigurationInterrupt()
  }

  private func raiseConfigurationInterrupt() {
    setISR(ISR.configuration)
    if msix.isEnabled { msix.raise(configurationVector.load(ordering: .relaxed)) }
  }

  private func setISR(_ bit: UInt8) {
    isr.withLock { isr in
      isr |= bit
      pin.set(active: true)
    }
  }

  /// config_generation, which differs after each change of the configuration.
  var configurationGeneration: UInt8 { generation.load(ordering: .acquiring) }

  /// The ISR byte; reading it clears it and the pin (virtio 1.2 §4.1.4.5.1).
  @discardableResult
  func takeISR() -> UInt8 {
    isr.withLock { isr in
      defer { isr = 0 }
      pin.set(active: false)
      return isr
    }
  }

  /// Restores the state after a reset. No queue may be served.
  func reset() {
    configurationVector.store(Self.noVector, ordering: .relaxed)
    takeISR()
    firstFailure.withLock { $0 = nil }
    needsResetFlag.store(false, ordering: .releasing)
  }
}
