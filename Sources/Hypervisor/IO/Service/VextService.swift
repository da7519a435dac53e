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
    var sessions: [UInt64: VextServiceSession] = [:]
    /// Open disks by name: how many clients have each.
    var openCounts: [String: Int] = [:]
    var lastNumber: UInt64 = 0
    var isStopping = false
  }

  let disks: [VextServiceDisk]
  let servers: [any IOQueueServer]
  /// Raises the interrupts of each server's queues.
  let signallers: [EventSignaller]
  let offeredFeatures: VextFeatures
  let log: VextLog
  private let engine: BlockEngineKind
  private let stopEvent: EventDescriptor
  private let state = Mutex(State())

  /// A service without clients.
  ///
  /// - Parameters:
  ///   - disks: have different names.
  ///   - servers: at least one; stay the caller's.
  ///   - engine: the servers'.
  ///   - offersSleep: whether drivers may ask for doorbells and interrupts, without which the servers poll.
  public convenience init(
    disks: [VextServiceDisk], servers: [any IOQueueServer], engine: BlockEngineKind, offersSleep: Bool = true
  ) throws(Errno) {
    try self.init(
      disks: disks, servers: servers, engine: engine, offersSleep: offersSleep, writer: .shared)
  }

  /// The same with a log that a test may look into.
  init(
    disks: [VextServiceDisk], servers: [any IOQueueServer], engine: BlockEngineKind, offersSleep: Bool,
    writer: LogWriter
  ) throws(Errno) {
    precondition(!servers.isEmpty && Set(disks.map(\.name)).count == disks.count)
    self.disks = disks
    self.servers = servers
    self.engine = engine
    offeredFeatures = offersSleep ? VextSignals.offeredFeatures : []
    var signallers: [EventSignaller] = []
    for _ in servers { signallers.append(try EventSignaller()) }
    self.signallers = signallers
    log = VextLog(device: "vextd:", writer: writer)
    stopEvent = try EventDescriptor()
  }

  /// Readable once ``stop()`` was called; nobody takes the signal back.
  var stopDescriptor: Int32 { stopEvent.rawValue }

  /// An engine that finishes on the calling thread what a service that has ended had under way.
  func finishingEngine() throws(VextQueueFault) -> BlockEngine {
    do throws(Errno) {
      return try BlockEngine(kind: engine == .null ? .null : .sync, capacity: 1)
    } catch { throw VextQueueFault(error: .outOfResources, detail: 0) }
  }

  /// Takes connections until ``stop()``.
  public func serve(_ listener: borrowing PacketSocket) throws(Errno) {
    while try listener.wait(wakeDescriptor: stopDescriptor) == .ready {
      do throws(Errno) {
        add(try listener.accept())
      } catch {
        switch error {
        // The client has given up.
        case .wouldBlock, .connectionAbort, .interrupted: continue
        // Others' descriptors fill the process for now.
        case .tooManyOpenFiles, .tooManyOpenFilesInSystem, .noMemory:
          HostClock.sleep(nanoseconds: 100_000_000)
        default: throw error
        }
      }
    }
  }

  /// Serves the client at the other end of `socket` on a thread of its own; closes the connection where there are too many.
  public func add(_ socket: consuming PacketSocket) {
    let peer: SocketPeer
    do throws(Errno) { peer = try socket.peer() } catch {
      return log.warn("a connection without credentials was closed: \(error)")
    }
    guard let session = enlist(peer) else {
      return log.warn("a connection of user \(peer.userID) was closed: there are too many")
    }
    let box = VextServiceSession.SocketBox(socket)
    do throws(Errno) {
      // Detached: it ends with its client, and ``stop()`` waits for the list to be empty.
      _ = try HostThread(name: "vextd-client", cpus: nil) {
        session.run(box)
        self.remove(session)
      }
    } catch {
      remove(session)
      log.warn("a connection of user \(peer.userID) was closed: \(error)")
    }
  }

  private func enlist(_ peer: SocketPeer) -> VextServiceSession? {
    state.withLock { state in
      let isTrusted = isOwn(peer)
      guard !state.isStopping, state.sessions.count < Self.clientLimit,
        isTrusted
          || state.sessions.values.count(where: { $0.peer.userID == peer.userID }) < Self.clientLimitPerUser
      else { return nil }
      state.lastNumber += 1
      let session = VextServiceSession(number: state.lastNumber, peer: peer, service: self)
      state.sessions[state.lastNumber] = session
      return session
    }
  }

  /// Whether `peer` is root or the service's own user.
  func isOwn(_ peer: SocketPeer) -> Bool { peer.userID == 0 || peer.userID == geteuid() }

  private func remove(_ session: VextServiceSession) {
    state.withLock { _ = $0.sessions.removeValue(forKey: session.number) }
  }

  /// Gives a disk to one more client.
  ///
  /// - Throws: ENOENT where there is none of that name, EACCES where `peer` may not have it, EBUSY where it can be written
  ///   and another client has it.
  func openDisk(_ name: String, for peer: SocketPeer) throws(Errno) -> VextServiceDisk {
    guard let disk = disks.first(where: { $0.name == name }) else { throw .noSuchFileOrDirectory }
    guard disk.admits(peer) else { throw .permissionDenied }
    let isFree = state.withLock { state in
      let count = state.openCounts[name] ?? 0
      guard disk.image.handle.isReadOnly || count == 0 else { return false }
      state.openCounts[name] = count + 1
      return true
    }
    guard isFree else { throw .resourceBusy }
    return disk
  }

  /// Takes it back.
  func closeDisk(_ disk: VextServiceDisk) {
    state.withLock { $0.openCounts[disk.name, default: 1] -= 1 }
  }

  /// The disks, then the clients, a line each.
  func list() -> String {
    let (counts, sessions) = snapshot()
    let disks = disks.map { disk in
      let handle = disk.image.handle
      return "disk \(disk.name) \(handle.byteCount) bytes, blocks of \(handle.blockByteCount), "
        + "\(handle.isReadOnly ? "ro" : "rw"), \(handle.isDirect ? "direct" : "buffered"), "
        + "clients: \(counts[disk.name] ?? 0)\n"
    }
    return disks.joined() + sessions.map { "\($0.summary)\n" }.joined()
  }

  /// A figure of a client in each line: name and value.
  func figures() -> String {
    snapshot().sessions.flatMap(\.figures).map { "\($0.name) \($0.value)\n" }.joined()
  }

  private func snapshot() -> (counts: [String: Int], sessions: [VextServiceSession]) {
    state.withLock { ($0.openCounts, $0.sessions.values.sorted { $0.number < $1.number }) }
  }

  /// Connections now.
  var clientCount: Int { state.withLock { $0.sessions.count } }

  /// Takes no more connections, ends those that there are when their requests have ended, and returns then, or after ten
  /// seconds: a client's descriptors can keep its thread from ending.
  ///
  /// - Returns: whether all have ended.
  @discardableResult
  public func stop() -> Bool {
    state.withLock { $0.isStopping = true }
    stopEvent.signal()
    for _ in 0..<10_000 {
      if clientCount == 0 { return true }
      HostClock.sleep(nanoseconds: 1_000_000)
    }
    return clientCount == 0
  }
}
