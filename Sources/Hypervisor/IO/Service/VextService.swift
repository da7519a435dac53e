import Glibc
public import HostSystem
import Synchronization
public import SystemPackage
import VextProtocol

/// The service that vextd is: disks, the I/O threads that serve them, and the clients (docs/vext-service.md).
///
/// Each client has a control thread of its own ("vextd-client"), because a client may pass descriptors whose closing blocks. Any
/// thread may call any method.
public final class VextService: Sendable {
  /// Connections at most.
  public static let clientLimit = 64
  /// Connections at most of a user who is neither root nor the service's own.
  public static let clientLimitPerUser = 16

  private struct State {
    var disks: [ServedDisk]
    var sessions: [UInt64: any ServiceSession] = [:]
    var lastNumber: UInt64 = 0
    var isStopping = false
  }

  /// A disk, and who has it.
  private struct ServedDisk {
    var disk: VextServiceDisk
    var clientCount = 0
    /// Whether no new client may open it.
    var isDrained = false
  }

  /// Reads the configuration again, and returns the disks to serve, each with the way to open it.
  public typealias Reload = @Sendable () throws -> [VextServiceDiskPlan]

  let servers: [any IOQueueServer]
  /// The threads between which queues move; nil: they stay where they were enabled.
  private let group: IOThreadGroup?
  /// Raises the interrupts of each server's queues.
  let signallers: [EventSignaller]
  let offeredFeatures: VextFeatures
  let log: VextLog
  let engine: BlockEngineKind
  /// The lines that clients of each user may write into the log.
  private let logBudgets = Mutex<[UInt32: VextLogBudget]>([:])
  private let reload: Reload?
  private let stopEvent: EventDescriptor
  private let state: Mutex<State>

  /// A service without clients.
  ///
  /// - Parameters:
  ///   - disks: have different names.
  ///   - servers: at least one; stay the caller's.
  ///   - engine: the servers'.
  ///   - offersSleep: whether drivers may ask for doorbells and interrupts, without which the servers poll.
  ///   - reload: what `vextd ctl reload` does; nil: there is nothing to read again. A client's thread calls it.
  public convenience init(
    disks: [VextServiceDisk], servers: [any IOQueueServer], engine: BlockEngineKind, offersSleep: Bool = true,
    reload: Reload? = nil
  ) throws(Errno) {
    try self.init(
      disks: disks, servers: servers, engine: engine, offersSleep: offersSleep, reload: reload,
      writer: .shared)
  }

  /// The same with I/O threads between which queues move.
  public convenience init(
    disks: [VextServiceDisk], group: IOThreadGroup, engine: BlockEngineKind, offersSleep: Bool = true,
    reload: Reload? = nil
  ) throws(Errno) {
    try self.init(
      disks: disks, servers: group.servers, group: group, engine: engine, offersSleep: offersSleep,
      reload: reload, writer: .shared)
  }

  /// The same with a log that a test may look into.
  init(
    disks: [VextServiceDisk], servers: [any IOQueueServer], group: IOThreadGroup? = nil,
    engine: BlockEngineKind, offersSleep: Bool, reload: Reload? = nil, writer: LogWriter
  ) throws(Errno) {
    precondition(!servers.isEmpty && Set(disks.map(\.name)).count == disks.count)
    state = Mutex(State(disks: disks.map { ServedDisk(disk: $0) }))
    self.reload = reload
    self.servers = servers
    self.group = group
    self.engine = engine
    offeredFeatures = offersSleep ? VextSignals.sleepFeatures.union(.contention) : []
    var signallers: [EventSignaller] = []
    for _ in servers { signallers.append(try EventSignaller()) }
    self.signallers = signallers
    log = VextLog(
      device: "vextd:", writer: writer, budget: VextLogBudget(renewalNanoseconds: 1_000_000_000))
    stopEvent = try EventDescriptor()
  }

  /// Readable once ``stop()`` was called; nobody takes the signal back.
  var stopDescriptor: Int32 { stopEvent.rawValue }

  /// An engine that finishes on the calling thread what a service that has ended had in flight.
  func finishingEngine() throws(VextQueueFault) -> BlockEngine {
    do throws(Errno) {
      return try BlockEngine(kind: engine.usesStorage ? .sync : engine, capacity: 1)
    } catch { throw VextQueueFault(error: .outOfResources, detail: 0) }
  }

  /// Takes connections until ``stop()``.
  public func serve(_ listener: borrowing PacketSocket) throws(Errno) {
    while try listener.wait(wakeDescriptor: stopDescriptor) == .ready {
      do throws(Errno) {
        add(try listener.accept())
      } catch {
        guard Self.isTemporary(error) else { throw error }
      }
    }
  }

  /// Whether accept(2) may work later; waits where it would fail again at once.
  static func isTemporary(_ error: Errno) -> Bool {
    switch error {
    // The client has given up.
    case .wouldBlock, .connectionAbort, .interrupted: return true
    // Others' descriptors fill the process for now.
    case .tooManyOpenFiles, .tooManyOpenFilesInSystem, .noMemory:
      HostClock.sleep(nanoseconds: 100_000_000)
      return true
    default: return false
    }
  }

  /// Serves the client at the other end of `socket` on a thread of its own; closes the connection where there are too many.
  public func add(_ socket: consuming PacketSocket) {
    let peer: SocketPeer
    do throws(Errno) { peer = try socket.peer() } catch {
      return log.warn("a connection without credentials was closed: \(error)")
    }
    let made = enlist(peer) { VextServiceSession(number: $0, peer: peer, service: self) }
    guard let session = made else {
      return warnOfTooMany(peer)
    }
    let box = VextServiceSession.SocketBox(socket)
    start(session) { session.run(box) }
  }

  /// The log of a client. The clients of a user write 64 lines together, and one more every ten seconds, however often they connect.
  func log(of client: String, _ peer: SocketPeer) -> VextLog {
    let budget = logBudgets.withLock { budgets in
      let budget = budgets[peer.userID] ?? VextLogBudget(renewalNanoseconds: 10_000_000_000)
      budgets[peer.userID] = budget
      return budget
    }
    return log.renamed("vextd: \(client) (process \(peer.processID), user \(peer.userID)):", budget: budget)
  }

  func warnOfTooMany(_ peer: SocketPeer) {
    log(of: "a connection", peer).warn("it was closed: there are too many")
  }

  /// Runs `body`, which serves `session` to its end, on a thread of its own.
  func start(_ session: any ServiceSession, _ body: @escaping @Sendable () -> Void) {
    do throws(Errno) {
      // Detached: it ends with its client, and ``stop()`` waits for the list to be empty.
      _ = try HostThread(name: "vextd-client", cpus: nil) {
        body()
        self.remove(session)
      }
    } catch {
      remove(session)
      log.warn("a connection of user \(session.peer.userID) was closed: \(error)")
    }
  }

  /// Makes a session and lists it; nil where there are too many.
  func enlist<Session: ServiceSession>(_ peer: SocketPeer, _ make: (UInt64) -> Session) -> Session? {
    state.withLock { state in
      let isTrusted = isOwn(peer)
      guard !state.isStopping, state.sessions.count < Self.clientLimit,
        isTrusted
          || state.sessions.values.count(where: { $0.peer.userID == peer.userID }) < Self.clientLimitPerUser
      else { return nil }
      state.lastNumber += 1
      let session = make(state.lastNumber)
      state.sessions[state.lastNumber] = session
      return session
    }
  }

  /// Whether `peer` is root or the service's own user.
  func isOwn(_ peer: SocketPeer) -> Bool { peer.userID == 0 || peer.userID == geteuid() }

  private func remove(_ session: any ServiceSession) {
    state.withLock { _ = $0.sessions.removeValue(forKey: session.number) }
  }

  /// Gives a disk to one more client.
  ///
  /// - Throws: ENOENT where there is none of that name, EACCES where `peer` may not have it, ESHUTDOWN where no new client may, EBUSY
  ///   where it can be written and another client has it.
  func openDisk(_ name: String, for peer: SocketPeer) throws(Errno) -> VextServiceDisk {
    let result = state.withLock { state -> Result<VextServiceDisk, Errno> in
      guard let place = state.disks.firstIndex(where: { $0.disk.name == name }) else {
        return .failure(.noSuchFileOrDirectory)
      }
      let disk = state.disks[place].disk
      guard disk.admits(peer) else { return .failure(.permissionDenied) }
      guard !state.disks[place].isDrained else { return .failure(Errno(rawValue: ESHUTDOWN)) }
      guard disk.image.handle.isReadOnly || state.disks[place].clientCount == 0 else {
        return .failure(.resourceBusy)
      }
      state.disks[place].clientCount += 1
      return .success(disk)
    }
    return try result.get()
  }

  /// Takes a disk back from a client, which has nothing of it any more.
  func closeDisk(_ name: String) {
    state.withLock { state in
      for place in state.disks.indices where state.disks[place].disk.name == name {
        state.disks[place].clientCount -= 1
      }
    }
  }

  // MARK: What `vextd ctl` changes

  /// Lets no new client open a disk, until ``detach(_:)`` and a new configuration. ENOENT where there is none of that name.
  func drain(_ name: String) throws(Errno) {
    let isThere = state.withLock { state in
      guard let place = state.disks.firstIndex(where: { $0.disk.name == name }) else { return false }
      state.disks[place].isDrained = true
      return true
    }
    guard isThere else { throw .noSuchFileOrDirectory }
    log.warn("disk \(name): no new client may open it")
  }

  /// Ends the connections of a disk's clients when their requests have ended, makes durable what they wrote, and closes the disk.
  ///
  /// - Throws: ENOENT where there is none of that name, EBUSY where a client does not leave in ten seconds, the error of the flush; the disk
  ///   stays then, but nobody can open it.
  func detach(_ name: String) throws(Errno) {
    try drain(name)
    for session in state.withLock({ Array($0.sessions.values) }) where session.diskName == name {
      session.end()
    }
    func entry() -> ServedDisk? { state.withLock { $0.disks.first { $0.disk.name == name } } }
    let deadline = HostClock.monotonicNanoseconds() &+ 10_000_000_000
    let haveLeft = HostClock.waitForValue(every: 1_000_000, timeoutNanoseconds: 10_000_000_000) {
      entry()?.clientCount ?? 0 == 0 ? true : nil
    }
    guard haveLeft != nil else { throw .resourceBusy }
    try entry()?.disk.image.flush()
    // Nil: another detach was quicker.
    guard var image = remove(name) else { return }
    // An I/O thread lets go of its last queue in a moment: when this returns, others can open the image.
    while !isKnownUniquelyReferenced(&image), HostClock.monotonicNanoseconds() < deadline {
      HostClock.sleep(nanoseconds: 100_000)
    }
    log.warn("disk \(name): detached")
  }

  private func remove(_ name: String) -> DiskImage? {
    state.withLock { state in
      state.disks.firstIndex { $0.disk.name == name && $0.clientCount == 0 }.map {
        state.disks.remove(at: $0).disk.image
      }
    }
  }

  /// Adds the disks that the configuration has and the service does not, and takes over owners, groups and shares of the others for
  /// clients to come. Changes nothing if a disk cannot be opened.
  ///
  /// - Returns: a line for each disk.
  /// - Throws: EOPNOTSUPP without a configuration, EINVAL for one that is wrong; the log says why.
  func readConfiguration() throws(Errno) -> String {
    guard let reload else { throw .notSupported }
    do {
      let plans = try reload()
      let known = state.withLock { $0.disks.map(\.disk) }
      var added: [VextServiceDisk] = []
      for plan in plans where !known.contains(where: { $0.name == plan.name }) {
        added.append(try plan.disk())
      }
      for thread in ioThreads { for disk in added { thread.register(disk: disk.image, memory: nil) } }
      return state.withLock { state in
        var lines: [String] = []
        for plan in plans {
          guard let place = state.disks.firstIndex(where: { $0.disk.name == plan.name }) else { continue }
          state.disks[place].disk = plan.changed(state.disks[place].disk)
          lines.append("disk \(plan.name): kept\n")
        }
        for disk in added where !state.disks.contains(where: { $0.disk.name == disk.name }) {
          state.disks.append(ServedDisk(disk: disk))
          lines.append("disk \(disk.name): added\n")
        }
        for entry in state.disks where !plans.contains(where: { $0.name == entry.disk.name }) {
          lines.append("disk \(entry.disk.name): no longer in the configuration, kept until it is detached\n")
        }
        return lines.joined()
      }
    } catch {
      log.warn("reload: \(error)")
      throw .invalidArgument
    }
  }

  /// The disks that are served now.
  public var disks: [VextServiceDisk] { state.withLock { $0.disks.map(\.disk) } }

  /// The disks, then the clients, a line each.
  func list() -> String {
    let disks = state.withLock { $0.disks }.map { entry in
      let (disk, handle) = (entry.disk, entry.disk.image.handle)
      return "disk \(disk.name) \(handle.byteCount) bytes, blocks of \(handle.blockByteCount), "
        + "\(handle.isReadOnly ? "ro" : "rw"), \(handle.isDirect ? "direct" : "buffered"), "
        + "clients: \(entry.clientCount)\(entry.isDrained ? ", drained" : "")\n"
    }
    return disks.joined() + sessions.map { "\($0.summary)\n" }.joined()
  }

  /// One metric of a client, of all threads or of one thread in each line: name and value.
  func metrics() -> String {
    var metrics = sessions.flatMap(\.metrics).map { "\($0.name) \($0.value)\n" }
    if let placement {
      metrics.append("moves \(placement.moveCount)\n")
      metrics += placement.queueCounts.enumerated().map { "thread\($0.offset)_queues \($0.element)\n" }
    }
    return metrics.joined()
  }

  private var ioThreads: [IOThread] { group?.threads ?? servers.compactMap { $0 as? IOThread } }

  private var placement: VextServiceSnapshot.QueuePlacement? {
    group.map { group in
      VextServiceSnapshot.QueuePlacement(
        moveCount: group.moveCount, queueCounts: group.queues.map(\.count))
    }
  }

  /// Moves a queue of a client to another I/O thread; returns when that thread serves it.
  ///
  /// - Parameters:
  ///   - queue: the queue's number.
  ///   - number: the client's.
  ///   - place: the thread's place in the group.
  /// - Returns: false if there is no such client, queue or thread, the queue is on its way already, or queues do not move.
  @discardableResult
  public func move(queue: Int, ofClient number: UInt64, to place: Int) -> Bool {
    guard let group, group.threads.indices.contains(place),
      let served = state.withLock({ $0.sessions[number] })?.queue(queue)
    else { return false }
    return group.move(served, to: place)
  }

  private var sessions: [any ServiceSession] {
    state.withLock { $0.sessions.values.sorted { $0.number < $1.number } }
  }

  /// What threads and clients have done so far.
  public func snapshot() -> VextServiceSnapshot {
    VextServiceSnapshot(
      nanoseconds: HostClock.monotonicNanoseconds(),
      // A thread that has ended has no time to show.
      threadNanoseconds: ioThreads.map { (try? $0.thread.cpuTimeNanoseconds()) ?? 0 },
      placement: placement, clients: sessions.compactMap(\.snapshot))
  }

  /// Connections now.
  var clientCount: Int { state.withLock { $0.sessions.count } }

  /// Stops accepting connections, and ends each existing one when its requests have ended. Returns after ten seconds at the
  /// latest, because a client's descriptors can keep its thread from ending.
  ///
  /// - Returns: whether all have ended.
  @discardableResult
  public func stop() -> Bool {
    state.withLock { $0.isStopping = true }
    stopEvent.signal()
    return HostClock.waitForValue(every: 1_000_000, timeoutNanoseconds: 10_000_000_000) {
      clientCount == 0 ? true : nil
    } ?? false
  }
}
