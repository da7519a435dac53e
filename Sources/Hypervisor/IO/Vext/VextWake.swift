import HostSystem
import VextProtocol

/// A doorbell that an I/O thread can wait for.
protocol VextDoorbellSource: AnyObject, Sendable {
  /// The eventfd that the driver's register write signals.
  var descriptor: Int32 { get }

  /// Clears the signals; never blocks.
  func drain()
}

/// A doorbell of a PCI function of this process. It lives as long as the function.
final class VextDoorbell: VextDoorbellSource {
  private let event: EventDescriptor

  init(event: consuming EventDescriptor) { self.event = event }

  var descriptor: Int32 { event.rawValue }

  /// Signals the eventfd, as KVM's ioeventfd does.
  func ring() { event.signal() }

  func drain() { event.drain() }
}

/// A doorbell of a PCI function of another process, which may do anything to the eventfd.
final class ForeignVextDoorbell: VextDoorbellSource {
  private let event: ForeignEventDescriptor

  init(event: consuming ForeignEventDescriptor) { self.event = event }

  var descriptor: Int32 { event.rawValue }

  func drain() { event.drain() }
}

/// How a queue's interrupt is raised. Any thread.
enum VextInterrupt: Sendable {
  /// A vector of a PCI function of this process.
  case vector(MSIXTable, UInt16)
  /// The eventfd of another process.
  case foreign(ForeignVextInterrupt)

  func raise() {
    switch self {
    case .vector(let table, let vector): table.raise(vector)
    case .foreign(let interrupt): interrupt.raise()
    }
  }
}

/// The interrupt of a PCI function of another process.
final class ForeignVextInterrupt: Sendable {
  private let event: ForeignEventDescriptor
  private let signaller: EventSignaller

  init(event: consuming ForeignEventDescriptor, signaller: EventSignaller) {
    self.event = event
    self.signaller = signaller
  }

  func raise() {
    // Fails only if the kernel lacks memory for the request; the driver's own time limit then ends its sleep.
    try? signaller.signal(event.rawValue)
  }
}

/// Sleep and wake of one enabled queue (docs/vext-protocol.md §8.1). The I/O thread only.
struct VextWake {
  /// Tells the driver that the I/O thread sleeps; nil if the driver did not accept DOORBELL.
  var publisher: VextSleepPublisher?
  /// Reads whether the driver sleeps; nil if the driver did not accept INTERRUPT.
  var observer: VextSleepObserver?
  let doorbell: (any VextDoorbellSource)?
  private let interrupt: VextInterrupt?
  /// Whether the driver's CPUs are shared, and where the driver reads that; nil if it did not accept CONTENTION.
  private var contention: (source: CPUContention, word: VextContentionPublisher)?

  /// Neither side sleeps.
  static var never: VextWake {
    VextWake(features: [], block: nil, doorbell: nil, interrupt: nil)
  }

  /// - Parameters:
  ///   - block: the wake block in guest memory, checked; it stays mapped as long as the queue is enabled.
  ///   - contention: whether the machine's vCPUs wait for CPUs.
  ///   - continues: whether another device served the queue before, which has ended.
  init(
    features: VextFeatures, block: GuestWakeBlock?, doorbell: (any VextDoorbellSource)?,
    interrupt: VextInterrupt?, contention: CPUContention? = nil, continues: Bool = false
  ) {
    let rings = features.contains(.doorbell)
    publisher = rings ? block?.publisher(continues: continues) : nil
    observer = features.contains(.interrupt) ? block?.observer() : nil
    self.doorbell = rings ? doorbell : nil
    self.interrupt = interrupt
    if features.contains(.contention), let block, let contention {
      self.contention = (contention, block.contention())
    }
  }

  /// Tells the driver whether its CPUs are shared. At a low rate.
  mutating func publishContention(at now: UInt64) {
    guard let source = contention?.source else { return }
    contention?.word.publish(isShared: source.isShared(at: now))
  }

  var doorbellDescriptor: Int32? { doorbell?.descriptor }

  /// Call after new completions. Raises the interrupt if the driver is asleep and was not woken yet.
  ///
  /// ``confirmWake()`` must follow.
  mutating func noteCompletions() {
    if observer?.noteAnnouncement() == true { interrupt?.raise() }
  }

  /// Raises the interrupt if the driver went to sleep since ``noteCompletions()``.
  mutating func confirmWake() {
    if observer?.confirmWake() == true { interrupt?.raise() }
  }

  /// Raises the interrupt if the driver accepted INTERRUPT, even if it is awake.
  func raise() {
    if observer != nil { interrupt?.raise() }
  }
}
