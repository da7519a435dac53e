import HostSystem
public import SystemPackage

/// I/O threads between which queues can move (docs/vext-service.md, "Several I/O threads").
///
/// A device gets ``servers`` in place of the threads, and need not know where its queues are. With `rebalances` a thread of the
/// group ("io-balance") moves queues from busy threads to idle ones. Any thread may call any method.
public final class IOThreadGroup: Sendable {
  /// The threads; they stay the caller's, who stops them after the group.
  public let threads: [IOThread]
  /// A server for each of ``threads``: it attaches queues to that thread, and detaches them wherever they are.
  public var servers: [any IOQueueServer] {
    threads.indices.map { IOThreadGroupMember(directory: directory, place: $0) }
  }

  private let directory: IOQueueDirectory
  private let balancer: IOQueueBalancer?

  /// A group without queues.
  ///
  /// - Parameters:
  ///   - threads: at least one; those of an equal kind, engine and adaptation.
  ///   - rebalances: whether queues move by load; otherwise ``move(_:to:)`` alone moves them.
  /// - Throws: the kernel's error if the balancer's thread cannot be made.
  public init(_ threads: [IOThread], rebalances: Bool) throws(Errno) {
    precondition(!threads.isEmpty)
    self.threads = threads
    let directory = IOQueueDirectory(threads)
    self.directory = directory
    balancer =
      rebalances && threads.count > 1
      ? try IOQueueBalancer(directory, nodes: threads.map { Self.node(of: $0) }) : nil
  }

  /// The NUMA node whose CPUs alone `thread` may use; nil if it may use those of several nodes.
  private static func node(of thread: IOThread) -> Int? {
    do {
      let topology = try NUMATopology.read()
      let cpus = try thread.thread.grantedCPUs()
      let nodes = Set(topology.cpus.filter { cpus.contains($0.id) }.map(\.node))
      return nodes.count == 1 ? nodes.first : nil
    } catch {
      // A host that does not tell has one node as far as the group knows.
      return nil
    }
  }

  /// The attached queues of each thread, by the thread's place in ``threads``. A queue that moves counts for its destination.
  public var queues: [[any IOQueue]] { directory.queues }

  /// How often a queue was moved, or was to be.
  public var moveCount: UInt64 { directory.moveCount }

  /// Moves an attached queue to the thread at `place`; returns when that thread serves it.
  ///
  /// The thread that has the queue takes no more requests from it, and hands it over when those in flight have ended: as long as
  /// storage does not answer, this waits.
  ///
  /// - Returns: false if the queue is not attached to the group, is on its way to another thread, or the thread cannot serve it.
  @discardableResult
  public func move(_ queue: any IOQueue, to place: Int) -> Bool {
    precondition(threads.indices.contains(place))
    switch directory.startMoving(queue, to: place) {
    case .refused: return false
    case .isThere: return true
    case .started(let command):
      command?.waitUntilDone()
      return true
    }
  }

  /// Ends the balancer. Queues stay where they are, and ``move(_:to:)`` goes on to move them.
  public func stopRebalancing() { balancer?.stop() }

  deinit { balancer?.stop() }
}

/// One I/O thread of a group, as a device sees it.
final class IOThreadGroupMember: IOQueueServer {
  private let directory: IOQueueDirectory
  private let place: Int

  init(directory: IOQueueDirectory, place: Int) {
    self.directory = directory
    self.place = place
  }

  func attach(_ queue: any IOQueue) throws(Errno) { try directory.attach(queue, to: place) }

  func detach(_ queue: any IOQueue) {
    let detachment = startDetaching(queue)
    HostClock.sleep(until: { detachment.isDone })
  }

  func startDetaching(_ queue: any IOQueue) -> IOQueueDetachment { directory.startDetaching(queue) }
}
