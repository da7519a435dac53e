import HostSystem
import VextProtocol

/// A doorbell: what the driver's write signals. It lives as long as its function, through enabling and disabling.
final class VextDoorbell: Sendable {
  private let event: EventDescriptor

  init(event: consuming EventDescriptor) { self.event = event }

  var descriptor: Int32 { event.rawValue }

  /// Signals as KVM would have done.
  func ring() { event.signal() }

  /// Takes back what was signalled.
  func drain() { event.drain() }
}

/// How the two sides of one enabled queue wake each other (docs/vext-protocol.md §8.1). The I/O thread's.
@unsafe
struct VextWake {
  /// Says that the poller sleeps; nil where the driver did not accept DOORBELL.
  var publisher: SleepPublisher?
  /// Sees that the driver sleeps; nil where it did not accept INTERRUPT.
  var observer: SleepObserver?
  let doorbell: VextDoorbell?
  private let interrupts: MSIXTable?
  private let vector: UInt16

  /// Neither side sleeps.
  static var never: VextWake {
    unsafe VextWake(features: [], block: nil, doorbell: nil, interrupts: nil, vector: 0)
  }

  /// - Parameters:
  ///   - block: the wake block in guest memory, checked; it stays mapped as long as the queue is enabled.
  ///   - vector: the queue's vector in `interrupts`.
  init(
    features: VextFeatures, block: UnsafeMutableRawPointer?, doorbell: VextDoorbell?, interrupts: MSIXTable?,
    vector: UInt16
  ) {
    let rings = features.contains(.doorbell)
    unsafe publisher =
      rings ? block.map { unsafe SleepPublisher(base: $0 + WakeBlock.deviceOffset) } : nil
    unsafe observer =
      features.contains(.interrupt)
      ? block.map { unsafe SleepObserver(base: $0 + WakeBlock.driverOffset) } : nil
    unsafe self.doorbell = rings ? doorbell : nil
    unsafe self.interrupts = interrupts
    unsafe self.vector = vector
  }

  var doorbellDescriptor: Int32? { unsafe doorbell?.descriptor }

  /// Answers were announced: raises the interrupt if the driver is seen asleep and was not woken yet. ``confirmWake()`` must follow.
  mutating func noteAnswers() {
    if unsafe observer?.noteAnnouncement() == true { unsafe interrupts?.raise(vector) }
  }

  /// As above, for a driver that fell asleep meanwhile.
  mutating func confirmWake() {
    if unsafe observer?.confirmWake() == true { unsafe interrupts?.raise(vector) }
  }

  /// Raises the interrupt where the driver accepted INTERRUPT, asleep or not.
  func raise() {
    if unsafe observer != nil { unsafe interrupts?.raise(vector) }
  }
}
