import HostSystem
import VextProtocol

/// A doorbell: the eventfd that the driver's register write signals. It lives as long as its PCI function.
final class VextDoorbell: Sendable {
  private let event: EventDescriptor

  init(event: consuming EventDescriptor) { self.event = event }

  var descriptor: Int32 { event.rawValue }

  /// Signals the eventfd, as KVM's ioeventfd does.
  func ring() { event.signal() }

  /// Clears the signals.
  func drain() { event.drain() }
}

/// Sleep and wake of one enabled queue (docs/vext-protocol.md §8.1). The I/O thread only.
@safe
struct VextWake {
  /// Tells the driver that the I/O thread sleeps; nil if the driver did not accept DOORBELL.
  var publisher: SleepPublisher?
  /// Reads whether the driver sleeps; nil if the driver did not accept INTERRUPT.
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
    publisher = unsafe rings ? block.map { unsafe SleepPublisher(base: $0 + WakeBlock.deviceOffset) } : nil
    observer =
      unsafe features.contains(.interrupt)
      ? block.map { unsafe SleepObserver(base: $0 + WakeBlock.driverOffset) } : nil
    self.doorbell = rings ? doorbell : nil
    self.interrupts = interrupts
    self.vector = vector
  }

  var doorbellDescriptor: Int32? { doorbell?.descriptor }

  /// Call after new completions. Raises the interrupt if the driver is asleep and was not woken yet.
  ///
  /// ``confirmWake()`` must follow.
  mutating func noteAnswers() {
    if observer?.noteAnnouncement() == true { interrupts?.raise(vector) }
  }

  /// Raises the interrupt if the driver went to sleep since ``noteAnswers()``.
  mutating func confirmWake() {
    if observer?.confirmWake() == true { interrupts?.raise(vector) }
  }

  /// Raises the interrupt if the driver accepted INTERRUPT, even if it is awake.
  func raise() {
    if observer != nil { interrupts?.raise(vector) }
  }
}
