import HostSystem
import Synchronization
public import SystemPackage
import VextProtocol

/// A VMM's side of a disk that vextd serves (docs/vext-service.md).
///
/// A thread watches the service ("vext-watch"). When the service has ended, that thread answers everything that the guest has
/// submitted and submits with EIO, at the latest a few milliseconds later. Any thread may call any method.
public final class VextServiceClient: Sendable {
  private struct State: ~Copyable {
    /// Nil once it is closed, and while a request is under way.
    var connection: VextServiceConnection?
    var isClosed = false
    /// The enabled queues, as they were registered.
    var enabled: [UInt16: VextQueueSetup] = [:]
    /// The same once the service is lost.
    var orphans: [UInt16: OrphanedVextQueue] = [:]
    var isLost = false
  }

  /// What the thread and its owner share: the thread keeps no client alive.
  private final class Core: Sendable {
    let state: Mutex<State>
    let table: VextQueueTable
    let memory: GuestMemory
    let log: VextLog
    let stop: EventDescriptor
    let poll: EventPoll

    init(
      _ connection: consuming sending VextServiceConnection, table: VextQueueTable, memory: GuestMemory,
      log: VextLog
    ) throws(Errno) {
      let stop = try EventDescriptor()
      let poll = try EventPoll()
      // The end of the connection is reported whatever is asked for; replies are nothing to wake up for.
      try poll.add(descriptor: connection.socket.rawValue, token: Token.service, interest: [])
      try poll.add(descriptor: stop.rawValue, token: Token.stop)
      state = Mutex(State(connection: consume connection))
      self.stop = stop
      self.poll = poll
      self.table = table
      self.memory = memory
      self.log = log
    }
  }

  private enum Token {
    static let service: UInt64 = 0
    static let stop: UInt64 = 1
  }

  /// Between two looks at the rings of a disk whose service is lost.
  private static let orphanPauseNanoseconds: UInt64 = 1_000_000
  /// How long a service may take to end what is under way and to flush the disk when the guest has ended.
  private static let closeNanoseconds: UInt64 = 30_000_000_000

  /// The disk, and the service's limits.
  let geometry: VextDiskGeometry
  private let core: Core
  private let watcher: HostThread

  /// Opens the disk `name` of the service that listens at `path`, and shares `memory` with it.
  ///
  /// - Parameters:
  ///   - memory: made to be shared (`MachineConfiguration.sharesMemory`).
  ///   - machine: names the guest in the log.
  public convenience init(
    path: String, disk name: String, memory: GuestMemory, machine: String
  ) throws(VextServiceError) {
    guard VextServiceRequest.isName(Array(name.utf8)) else { throw .noSuchDisk(path: path, name: name) }
    try self.init(
      VextServiceConnection.open(path: path), disk: name, memory: memory, machine: machine)
  }

  init(
    _ opened: consuming sending VextServiceConnection, disk name: String, memory: GuestMemory, machine: String
  ) throws(VextServiceError) {
    guard let descriptor = memory.sharedDescriptor else { throw .privateMemory }
    var connection = opened
    let path = connection.path
    try connection.greet()
    geometry = try connection.openDisk(name)
    let table: VextQueueTable
    do throws(Errno) {
      table = try VextQueueTable(
        SharedMemoryFile(name: "vext-queues", byteCount: VextQueueTable.byteCount))
    } catch { throw .refused(path: path, request: "queue table", error) }
    _ = try connection.askAtStart(
      .memory(memory.sharedRegions), "memory", descriptors: [descriptor, table.descriptor])
    do throws(Errno) {
      let core = try Core(
        connection, table: table, memory: memory, log: VextLog(device: "\(machine) vextd:\(path)/\(name)"))
      watcher = try HostThread(name: "vext-watch", cpus: nil) { Self.watch(core) }
      self.core = core
    } catch { throw .refused(path: path, request: "watcher", error) }
  }

  /// Leaves the service, which finishes what is under way.
  deinit {
    core.stop.signal()
    watcher.join()
  }

  /// What this guest has asked of the disk; nothing once the service is lost.
  var statistics: DiskStatistics {
    core.state.withLock { state in
      guard case .statistics(let statistics) = Self.ask(.statistics, &state) else { return DiskStatistics() }
      return statistics
    }
  }

  func enable(_ queue: UInt16, _ setup: VextQueueSetup) throws(VextQueueFault) {
    try core.state.withLock { state throws(VextQueueFault) in
      // What an earlier life of the queue left; the service writes from the reply on.
      core.table.record(of: queue).clear()
      guard case .enable(let fault) = Self.ask(.enable(queue: queue, setup), &state) else {
        throw VextQueueFault(error: .outOfResources, detail: 0)
      }
      guard fault == .none else { throw fault }
      state.enabled[queue] = setup
    }
  }

  /// Returns when the service does not touch the queue any more.
  func disable(_ queue: UInt16) {
    core.state.withLock { state in
      _ = Self.ask(.disable(queue: queue), &state)
      state.enabled[queue] = nil
      state.orphans[queue] = nil
    }
  }

  /// Why the enabled queue stopped.
  func fault(of queue: UInt16) -> VextQueueFault { core.table.record(of: queue).fault }

  /// Ends what is under way, makes durable what was written, and leaves the service. After the machine has stopped; twice
  /// does no harm.
  ///
  /// - Throws: what the flush says; ECONNRESET where the service is lost, ETIMEDOUT where it does not answer.
  public func close() throws(Errno) {
    try core.state.withLock { state throws(Errno) in
      guard var connection = state.connection.take() else { return }
      state.isClosed = true
      guard !state.isLost else { throw Errno.connectionReset }
      state.enabled = [:]
      let reply: VextServiceReply
      do throws(VextServiceConnection.Failure) {
        reply = try connection.ask(
          .close, deadline: HostClock.monotonicNanoseconds() &+ Self.closeNanoseconds)
      } catch {
        throw error == .closed ? Errno.connectionReset : Errno.timedOut
      }
      if case .failed(let errno) = reply { throw errno }
    }
  }

  /// Asks the service and waits for it as long as it is there; nil where it is not, or answers nonsense.
  private static func ask(_ request: VextServiceRequest, _ state: inout State) -> VextServiceReply? {
    guard !state.isLost, var connection = state.connection.take() else { return nil }
    var reply: VextServiceReply?
    do throws(VextServiceConnection.Failure) {
      reply = try connection.ask(request, deadline: nil)
    } catch {
      // The service still serves what is enabled. It finishes that and leaves when it sees our end, and only then may its
      // queues be taken over.
      if error == .broken { connection.waitForEnd() }
    }
    state.connection = consume connection
    return reply
  }

  /// The watching thread: waits for the end of the service, and takes its queues over.
  private static func watch(_ core: Core) {
    var events = EventBuffer(capacity: 2)
    while true {
      do throws(Errno) {
        try core.poll.wait(timeoutMilliseconds: -1, into: &events)
      } catch {
        preconditionFailure("epoll_wait fails for wrong arguments alone: \(error)")
      }
      var isLost = false
      for index in 0..<events.count {
        if events[index] == Token.stop { return }
        isLost = true
      }
      if isLost { break }
    }
    core.state.withLock { state in
      // Whoever has closed the connection takes nothing over.
      guard !state.isClosed else { return }
      state.isLost = true
      for (queue, setup) in state.enabled {
        state.orphans[queue] = OrphanedVextQueue(
          setup, memory: core.memory, record: core.table.record(of: queue))
      }
      core.log.warn("the service is lost: every request ends with an I/O error from now on")
    }
    while core.stop.drain() == 0 {
      core.state.withLock { state in
        for queue in state.orphans.keys { state.orphans[queue]?.serve() }
      }
      HostClock.sleep(nanoseconds: orphanPauseNanoseconds)
    }
  }
}
