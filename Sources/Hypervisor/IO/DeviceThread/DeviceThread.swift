public import HostSystem
public import SystemPackage
import Synchronization

/// A thread that serves slow devices: it sleeps until one of their descriptors is ready, and calls its handler.
///
/// A machine has one for terminals, entropy, memory balloon and networks, and one for each device whose requests block.
/// The thread owns everything that its handlers own; other threads send it work by ``run(_:)``.
public final class DeviceThread: Sendable {
  private let core: DeviceThreadCore
  /// The thread, for its CPU time and its affinity.
  public let thread: HostThread

  /// Starts the thread.
  ///
  /// - Parameters:
  ///   - name: at most 15 bytes.
  ///   - cpus: the CPUs that it may use; nil: all.
  ///   - kind: what the thread may do.
  public init(name: String, cpus: CPUSet? = nil, kind: ThreadKind = .device) throws(Errno) {
    let core = try DeviceThreadCore()
    self.core = core
    thread = try HostThread(name: name, cpus: cpus, kind: kind) { core.serve() }
  }

  deinit { core.requestEnd() }

  /// Calls `handler` whenever `descriptor` is ready, from now on. Any thread.
  ///
  /// - Throws: EEXIST if the descriptor is watched already, EPERM if it cannot be watched (a regular file).
  public func add(
    _ handler: any DescriptorHandler, descriptor: Int32, interest: DescriptorInterest = .readable
  ) throws(Errno) {
    try core.add(handler, descriptor: descriptor, interest: interest)
  }

  /// Changes the interest with which `descriptor` is watched. Any thread.
  public func change(descriptor: Int32, interest: DescriptorInterest) throws(Errno) {
    try core.change(descriptor: descriptor, interest: interest)
  }

  /// Stops watching `descriptor`, which must still be open. Any thread, handlers included.
  ///
  /// When it returns, the handler is not running and will not be called again. Does nothing for a descriptor that is not
  /// watched.
  public func remove(descriptor: Int32) {
    run { [core] in core.remove(descriptor: descriptor) }
  }

  /// Runs `body` on the thread, between two handlers, and returns when it is done. Any thread.
  ///
  /// On the device thread itself `body` runs at once. If the thread has ended, `body` runs on the caller's thread, because
  /// no other thread uses the devices any more.
  public func run(_ body: @escaping @Sendable () -> Void) { core.run(body) }

  /// Ends the thread, and waits for its end unless a handler calls this. A second call has no effect.
  public func stop() {
    core.requestEnd()
    if !core.isCurrent { thread.join() }
  }
}

/// An object that handles ready descriptors. Only the device thread calls it, one call at a time.
public protocol DescriptorHandler: AnyObject, Sendable {
  /// Called when `descriptor` is ready for the watched interest or has an error, and again as long as that lasts.
  func descriptorIsReady(_ descriptor: Int32)
}
