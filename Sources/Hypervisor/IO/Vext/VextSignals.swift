import Synchronization
import VextProtocol

/// What a device that offers sleep and wake has beside its queues: the feature registers and the interrupts.
///
/// vCPU threads negotiate; I/O threads raise.
final class VextSignals: Sendable {
  static let offeredFeatures: VextFeatures = [.doorbell, .interrupt]

  /// One vector for each queue.
  let interrupts: MSIXTable
  private let accepted = Mutex<UInt64>(0)

  init(interrupts: MSIXTable) { self.interrupts = interrupts }

  /// What the driver accepted so far.
  var acceptedFeatures: VextFeatures { VextFeatures(rawValue: accepted.withLock { $0 }) }

  /// Takes a write to `driver_features`; a bit that is not offered is not kept.
  func accept(offset: UInt64, byteCount: Int, value: UInt64) {
    accepted.withLock { accepted in
      _ = RegisterAccess.write(value, into: &accepted, offset: offset, byteCount: byteCount)
      accepted &= Self.offeredFeatures.rawValue
    }
  }

  /// As after power-on.
  func reset() { accepted.withLock { $0 = 0 } }
}
