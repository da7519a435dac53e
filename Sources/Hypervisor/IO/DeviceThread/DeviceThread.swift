public import HostSystem
public import SystemPackage
import Synchronization

/// A thread that serves slow devices: it sleeps until one of their descriptors is ready, and calls its handler.
///
/// A machine has few of them: one for terminals, entropy, memory balloon and networks, and one for each device
/// whose requests block. What handlers own, this thread owns; other threads reach it by ``run(_:)``.
public final class DeviceThread: Sendable {
  private let core: DeviceThreadCore
  /// The thread, for its CPU time and its affinity.
  public let thread: HostThread

  /// Starts the thread.
  ///
  /// - Parameters:
  ///   - name: at most 15 bytes.
  ///   - cpus: where it runs; nil: anywhere.
  public init(name: String, cpus: CPUSet? = nil) throws(Errno) {
    let core = try DeviceThreadCore()
    self.core = core
    thread = try HostThread(name: name, cpus: cpus) { core.serve() }
  }

  deinit { core.requestEnd() }

  /// Calls `handler` whenever `descriptor` is ready, from now on. Any thread.
  ///
  /// - Throws: EEXIST for a descriptor that is watched already, EPERM for one that cannot be (a regular file).
  public func add(
    _ handler: any DescriptorHandler, descriptor: Int32, interest: DescriptorInterest = .readable
  ) throws(Errno) {
    try core.add(handler, descriptor: descriptor, interest: interest)
  }

  /// Watches `descriptor` for something else from now on. Any thread.
  public func change(descriptor: Int32, interest: DescriptorInterest) throws(Errno) {
    try core.change(descriptor: descriptor, interest: interest)
  }

  /// Stops watching `descriptor`, which is still open. When it returns, its handler is not being called and will not
  /// be; does nothing for one that is not watched. Any thread, handlers included.
  public func remove(descriptor: Int32) {
    run { [core] in core.remove(descriptor: descriptor) }
  }

  /// Runs `body` between two handlers and returns when it is done; on this thread itself, at once. A thread that has
  /// ended leaves it to the caller: nobody else touches the devices any more.
  public func run(_ body: @escaping @Sendable () -> Void) { core.run(body) }

  /// Ends the thread and waits for it, unless a handler calls. Handlers are not called again. Twice does no harm.
  public func stop() {
    core.requestEnd()
    if !core.isCurrent { thread.join() }
  }
}
