import Synchronization
import VextProtocol

/// The feature registers and interrupts of a device that offers sleep and wake.
///
/// vCPU threads negotiate features; I/O threads raise interrupts.
final class VextSignals: Sendable {
  static let offeredFeatures: VextFeatures = [.doorbell, .interrupt]

  /// One vector for each queue.
  let interrupts: MSIXTable
  private let accepted = Mutex<UInt64>(0)

  init(interrupts: MSIXTable) { self.interrupts = interrupts }

  /// The features that the driver has accepted.
  var acceptedFeatures: VextFeatures { VextFeatures(rawValue: accepted.withLock { $0 }) }

  /// Handles a write to `driver_features`; drops bits that the device does not offer.
  func accept(offset: UInt64, byteCount: Int, value: UInt64) {
    accepted.withLock { accepted in
      _ = RegisterAccess.write(value, into: &accepted, offset: offset, byteCount: byteCount)
      accepted &= Self.offeredFeatures.rawValue
    }
  }

  /// Restores the state after power-on.
  func reset() { accepted.withLock { $0 = 0 } }
}
