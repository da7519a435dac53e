import Synchronization

/// What a device tells its driver outside of the queues: interrupts, the ISR byte, and that it needs a reset.
///
/// I/O threads signal and fail, vCPU threads configure; nothing here waits for the transport's lock.
final class VirtioSignals: Sendable {
  /// VIRTIO_MSI_NO_VECTOR (virtio 1.2 §4.1.5.1.2): no interrupt.
  static let noVector: UInt16 = 0xFFFF

  /// Bits of the ISR status (virtio 1.2 §4.1.4.5).
  private enum ISR {
    static let queue: UInt8 = 1
    static let configuration: UInt8 = 2
  }

  /// The vector for everything but queues.
  let configurationVector = Atomic<UInt16>(VirtioSignals.noVector)
  private let msix: MSIXTable
  private let isr = Atomic<UInt8>(0)
  private let generation = Atomic<UInt8>(0)
  private let firstFailure = Mutex<VirtqueueError?>(nil)
  private let needsResetFlag = Atomic<Bool>(false)

  init(msix: MSIXTable) { self.msix = msix }

  /// What stopped the first queue since the last reset.
  var failure: VirtqueueError? { firstFailure.withLock { $0 } }

  /// Whether a queue has stopped since the last reset.
  var needsReset: Bool { needsResetFlag.load(ordering: .acquiring) }

  /// Raises a queue's interrupt.
  func raise(_ vector: UInt16) {
    // With a vector the driver need not read which interrupt it was.
    if vector == Self.noVector { isr.bitwiseOr(ISR.queue, ordering: .releasing) }
    msix.raise(vector)
  }

  /// Records why a queue stopped, and tells the driver.
  func fail(_ error: VirtqueueError) {
    firstFailure.withLock { failure in if failure == nil { failure = error } }
    needsResetFlag.store(true, ordering: .releasing)
    isr.bitwiseOr(ISR.configuration, ordering: .releasing)
    msix.raise(configurationVector.load(ordering: .relaxed))
  }

  /// Tells the driver that the device-specific configuration is another one (virtio 1.2 §4.1.4.5, §2.5). Any thread.
  func configurationChanged() {
    generation.wrappingAdd(1, ordering: .releasing)
    isr.bitwiseOr(ISR.configuration, ordering: .releasing)
    msix.raise(configurationVector.load(ordering: .relaxed))
  }

  /// config_generation: another one after each change of the configuration.
  var configurationGeneration: UInt8 { generation.load(ordering: .acquiring) }

  /// The ISR byte, which reading clears.
  func takeISR() -> UInt8 { isr.exchange(0, ordering: .acquiringAndReleasing) }

  /// Forgets everything. No queue is being served.
  func reset() {
    configurationVector.store(Self.noVector, ordering: .relaxed)
    isr.store(0, ordering: .relaxed)
    firstFailure.withLock { $0 = nil }
    needsResetFlag.store(false, ordering: .releasing)
  }
}
