import HostSystem
import Synchronization
import SystemPackage

/// The eventfds of a ring that a vhost-user front end passed, and may do anything to.
///
/// The session's thread replaces them, also while an I/O thread serves the ring: a VMM exchanges the call whenever the guest masks
/// its interrupt.
final class ForeignVirtqueuePort: VirtqueuePort {
  /// The eventfd of the front end's notifications; nil: the ring is polled.
  private let kick: ForeignEventDescriptor?
  private let call: Mutex<ForeignEventDescriptor?>
  private let errorEvent: Mutex<ForeignEventDescriptor?>
  private let signaller: EventSignaller
  private let log: VextLog
  private let index: Int

  init(
    index: Int, kick: consuming ForeignEventDescriptor?, call: consuming sending ForeignEventDescriptor?,
    errorEvent: consuming sending ForeignEventDescriptor?, signaller: EventSignaller, log: VextLog
  ) {
    self.index = index
    self.kick = kick
    self.call = Mutex(call)
    self.errorEvent = Mutex(errorEvent)
    self.signaller = signaller
    self.log = log
  }

  var doorbellDescriptor: Int32? {
    switch kick {
    case .some(let kick): kick.rawValue
    case .none: nil
    }
  }

  func drainNotification() {
    switch kick {
    case .some(let kick): kick.drain()
    case .none: return
    }
  }

  /// The lock is taken elsewhere only when the front end replaces the eventfd.
  func interrupt() { call.withLock { signal($0) } }

  func fail(_ error: VirtqueueError) {
    log.warn("queue \(index) has stopped: \(error)")
    errorEvent.withLock { signal($0) }
  }

  private func signal(_ event: borrowing ForeignEventDescriptor?) {
    switch event {
    // It was checked when it came; the front end cannot make it something else.
    case .some(let event): try? signaller.signal(event.rawValue)
    case .none: return
    }
  }

  func setCall(_ event: consuming sending ForeignEventDescriptor?) {
    var event: ForeignEventDescriptor? = consume event
    call.withLock { $0 = event.take() }
  }

  func setErrorEvent(_ event: consuming sending ForeignEventDescriptor?) {
    var event: ForeignEventDescriptor? = consume event
    errorEvent.withLock { $0 = event.take() }
  }
}
