import HostSystem
import Synchronization
import SystemPackage

/// One MSI-X vector: an eventfd that KVM turns into the interrupt, and the vector's mask.
///
/// I/O threads call ``raise()``, which takes no lock; other calls need the table's lock.
final class MSIXVector: Sendable {
  private let event: EventDescriptor
  private let router: any MessageInterruptRouter
  private let route: UInt32
  private let isDeliverable = Atomic<Bool>(false)
  private let isPendingFlag = Atomic<Bool>(false)

  init(router: any MessageInterruptRouter) throws(Errno) {
    let event = try EventDescriptor()
    self.route = try router.addRoute(eventDescriptor: event.rawValue)
    self.event = event
    self.router = router
  }

  deinit { router.removeRoute(route, eventDescriptor: event.rawValue) }

  var isPending: Bool { isPendingFlag.load(ordering: .acquiring) }

  /// Fires; while the vector is masked, marks it pending.
  func raise() {
    if isDeliverable.load(ordering: .acquiring) {
      event.signal()
      return
    }
    // Sequentially consistent with setDeliverable: either this thread sees that the vector was unmasked, or the unmasking
    // thread sees that it is pending.
    isPendingFlag.store(true, ordering: .sequentiallyConsistent)
    if isDeliverable.load(ordering: .sequentiallyConsistent) { firePending() }
  }

  func setMessage(_ message: InterruptMessage) throws(Errno) {
    try router.setMessage(message, ofRoute: route)
  }

  func setDeliverable(_ deliverable: Bool) {
    isDeliverable.store(deliverable, ordering: .sequentiallyConsistent)
    if deliverable { firePending() }
  }

  private func firePending() {
    if isPendingFlag.exchange(false, ordering: .sequentiallyConsistent) { event.signal() }
  }
}
