import HostSystem
import Synchronization
import SystemPackage

/// One MSI-X vector: an eventfd that KVM turns into the interrupt, and the vector's mask.
///
/// I/O threads call ``raise()``, which takes no lock; other calls need the table's lock.
///
/// Another process may signal the eventfd of a *shared* vector, and knows nothing of the mask. While such a vector is masked, its
/// eventfd has no route, and keeps the signals.
final class MSIXVector: Sendable {
  private let event: EventDescriptor
  private let router: any MessageInterruptRouter
  private let isShared: Bool
  /// The vector's route; nil while a shared vector is masked.
  private let route: Mutex<UInt32?>
  private let isDeliverable = Atomic<Bool>(false)
  private let isPendingFlag = Atomic<Bool>(false)

  init(router: any MessageInterruptRouter, isShared: Bool) throws(Errno) {
    let event = try EventDescriptor()
    self.route = Mutex(isShared ? nil : try router.addRoute(eventDescriptor: event.rawValue))
    self.event = event
    self.router = router
    self.isShared = isShared
  }

  deinit { disconnect() }

  /// The eventfd, for the process that signals a shared vector.
  var eventDescriptor: Int32 { event.rawValue }

  var isPending: Bool {
    isShared ? route.withLock { $0 == nil } && event.isSignalled : isPendingFlag.load(ordering: .acquiring)
  }

  /// Fires; while the vector is masked, marks it pending.
  func raise() {
    if isShared || isDeliverable.load(ordering: .acquiring) {
      event.signal()
      return
    }
    // Sequentially consistent with setDeliverable: either this thread sees that the vector was unmasked, or the unmasking
    // thread sees that it is pending.
    isPendingFlag.store(true, ordering: .sequentiallyConsistent)
    if isDeliverable.load(ordering: .sequentiallyConsistent) { firePending() }
  }

  func setMessage(_ message: InterruptMessage) throws(Errno) {
    let route = try self.route.withLock { (route) throws(Errno) in
      if let route { return route }
      let added = try router.addRoute(eventDescriptor: event.rawValue)
      route = added
      return added
    }
    try router.setMessage(message, ofRoute: route)
  }

  func setDeliverable(_ deliverable: Bool) {
    guard !isShared else {
      let wasDeliverable = isDeliverable.exchange(deliverable, ordering: .sequentiallyConsistent)
      // The kernel takes the signals that were kept when it is connected, before there is a message: one more stands for them.
      if deliverable { if !wasDeliverable { event.signal() } } else { disconnect() }
      return
    }
    isDeliverable.store(deliverable, ordering: .sequentiallyConsistent)
    if deliverable { firePending() }
  }

  private func disconnect() {
    route.withLock { route in
      if let old = route.take() { router.removeRoute(old, eventDescriptor: event.rawValue) }
    }
  }

  private func firePending() {
    if isPendingFlag.exchange(false, ordering: .sequentiallyConsistent) { event.signal() }
  }
}
