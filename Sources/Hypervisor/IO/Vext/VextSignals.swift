import Synchronization
import VextProtocol

/// The feature registers and interrupts of a device that offers sleep and wake.
///
/// vCPU threads negotiate features; I/O threads raise interrupts.
final class VextSignals: Sendable {
  /// What a device offers for sleep and wake.
  static let sleepFeatures: VextFeatures = [.doorbell, .interrupt]

  /// What the device offers.
  let offeredFeatures: VextFeatures

  /// One vector for each queue.
  let interrupts: MSIXTable
  /// Whether the machine's vCPUs wait for CPUs; nil if the device does not offer CONTENTION.
  let contention: CPUContention?
  private let accepted = Mutex<UInt64>(0)

  init(interrupts: MSIXTable, contention: CPUContention? = nil) {
    self.interrupts = interrupts
    self.contention = contention
    offeredFeatures = contention == nil ? Self.sleepFeatures : Self.sleepFeatures.union(.contention)
  }

  /// The features that the driver has accepted.
  var acceptedFeatures: VextFeatures { VextFeatures(rawValue: accepted.withLock { $0 }) }

  /// Handles a write to `driver_features`; drops bits that the device does not offer.
  func accept(offset: UInt64, byteCount: Int, value: UInt64) {
    accepted.withLock { accepted in
      _ = RegisterAccess.write(value, into: &accepted, offset: offset, byteCount: byteCount)
      accepted &= offeredFeatures.rawValue
    }
  }

  /// Restores the state after power-on.
  func reset() { accepted.withLock { $0 = 0 } }
}
