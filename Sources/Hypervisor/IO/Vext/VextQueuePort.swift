import Synchronization
import SystemPackage
import VextProtocol

/// What serves one queue of a vext function: I/O threads of this process, or vextd. One caller at a time.
protocol VextQueuePort: AnyObject, Sendable {
  /// Serves a queue from now on.
  ///
  /// - Throws: why it cannot be enabled.
  func enable(_ setup: VextQueueSetup) throws(VextQueueFault)

  /// Takes no more requests, and waits for those in flight, at most for `nanoseconds`; ask again after that.
  ///
  /// - Returns: whether nothing of the queue is in flight and its memory is not touched any more.
  func disable(nanoseconds: UInt64) -> Bool

  /// Whether nothing is in flight of a queue that was to be disabled. Any thread.
  var isQuiet: Bool { get }

  /// Why the enabled queue stopped. Any thread.
  var fault: VextQueueFault { get }
}

/// A queue that an I/O thread of this process serves.
final class LocalVextQueue: VextQueuePort {
  private struct State {
    var queue: VextDeviceQueue?
    /// Its way out, if the disk's storage does not answer what is in flight.
    var leaving: IOQueueDetachment?
  }

  private let index: UInt16
  private let disk: VextServedDisk
  private let server: any IOQueueServer
  private let activity: DiskActivity?
  private let signals: VextSignals?
  private let doorbell: VextDoorbell?
  private let state = Mutex(State())

  init(
    index: UInt16, disk: VextServedDisk, server: any IOQueueServer, activity: DiskActivity?,
    signals: VextSignals?, doorbell: VextDoorbell?
  ) {
    self.index = index
    self.disk = disk
    self.server = server
    self.activity = activity
    self.signals = signals
    self.doorbell = doorbell
  }

  func enable(_ setup: VextQueueSetup) throws(VextQueueFault) {
    let made = try disk.makeQueue(setup, name: "queue \(index)", activity: activity) { block in
      VextWake(
        features: setup.features, block: block, doorbell: doorbell,
        interrupt: signals.map { .vector($0.interrupts, index) }, contention: signals?.contention)
    }
    do throws(Errno) { try server.attach(made) } catch {
      disk.log.warn("queue \(index): its I/O thread does not serve it: \(error)")
      throw VextQueueFault(error: .outOfResources, detail: 0)
    }
    state.withLock { $0.queue = made }
  }

  func disable(nanoseconds: UInt64) -> Bool {
    let (queue, earlier) = state.withLock { ($0.queue, $0.leaving) }
    guard let queue else { return true }
    let detachment = earlier ?? server.startDetaching(queue)
    let isDone = IOQueueDetachment.wait(for: [detachment], nanoseconds: nanoseconds)
    state.withLock { state in
      state.leaving = isDone ? nil : detachment
      if isDone { state.queue = nil }
    }
    return isDone
  }

  var isQuiet: Bool { state.withLock { $0.leaving?.isDone ?? true } }

  var fault: VextQueueFault { state.withLock { $0.queue?.fault ?? VextQueueFault.none } }
}
