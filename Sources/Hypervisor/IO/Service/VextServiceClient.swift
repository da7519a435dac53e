import HostSystem
import Synchronization
public import SystemPackage
import VextProtocol

/// A VMM's side of a disk that vextd serves (docs/vext-service.md).
///
/// A thread watches the service ("vext-watch"). When the service has ended, the thread connects to its successor, which finishes what
/// was in flight. After `successorTimeoutNanoseconds` without a successor the thread answers everything that the guest has submitted and
/// submits with EIO. Any thread may call any method.
public final class VextServiceClient: Sendable {
  /// The time in nanoseconds for which a guest waits by default for the successor of a service that has ended.
  public static let defaultSuccessorTimeoutNanoseconds: UInt64 = 10_000_000_000
  /// How long a service may take to end what is in flight and to flush the disk when the guest has ended.
  private static let closeNanoseconds: UInt64 = 30_000_000_000
  /// Between two attempts to enable a queue while the service is away.
  private static let pauseNanoseconds: UInt64 = 1_000_000

  /// The disk, and the service's limits.
  let geometry: VextDiskGeometry
  /// What the service's queues may ask for.
  let offeredFeatures: VextFeatures
  private let core: VextServiceWatch
  private let watcher: HostThread

  /// Opens the disk `name` of the service that listens at `path`, and shares `memory` with it.
  ///
  /// - Parameters:
  ///   - memory: made to be shared (`MachineConfiguration.sharesMemory`).
  ///   - machine: names the guest in the log.
  ///   - successorTimeoutNanoseconds: how long the guest waits for the successor of a service that has ended.
  public convenience init(
    path: String, disk name: String, memory: GuestMemory, machine: String,
    successorTimeoutNanoseconds: UInt64 = defaultSuccessorTimeoutNanoseconds
  ) throws(VextServiceError) {
    guard VextServiceRequest.isName(Array(name.utf8)) else { throw .noSuchDisk(path: path, name: name) }
    try self.init(
      VextServiceConnection.open(path: path), disk: name, memory: memory, machine: machine,
      successorTimeoutNanoseconds: successorTimeoutNanoseconds)
  }

  init(
    _ opened: consuming sending VextServiceConnection, disk name: String, memory: GuestMemory,
    machine: String, successorTimeoutNanoseconds: UInt64 = 0
  ) throws(VextServiceError) {
    guard memory.sharedDescriptor != nil else { throw .privateMemory }
    var connection = opened
    let path = connection.path
    let table: VextQueueTable
    do throws(Errno) {
      table = try VextQueueTable(
        SharedMemoryFile(name: "vext-queues", byteCount: VextQueueTable.byteCount))
    } catch { throw .refused(path: path, request: "queue table", error) }
    let place = VextServicePlace(path: path, disk: name, memory: memory, table: table)
    geometry = try place.introduce(&connection)
    offeredFeatures = connection.offeredFeatures
    do throws(Errno) {
      let core = try VextServiceWatch(
        connection, place: place, geometry: geometry,
        successorTimeoutNanoseconds: successorTimeoutNanoseconds,
        log: VextLog(device: "\(machine) vextd:\(path)/\(name)"))
      watcher = try HostThread(name: "vext-watch", cpus: nil, kind: .watcher) { core.run() }
      self.core = core
    } catch { throw .refused(path: path, request: "watcher", error) }
  }

  /// Leaves the service, which finishes what is in flight.
  deinit {
    core.stop.signal()
    watcher.join()
  }

  /// The counters of this guest's requests since the service started; empty while the service is away.
  var statistics: DiskStatistics {
    core.state.withLock { state in
      guard case .statistics(let statistics) = state.ask(.statistics) else { return DiskStatistics() }
      return statistics
    }
  }

  /// Enables a queue. Waits for the successor of a service that has ended.
  func enable(_ queue: UInt16, _ registration: VextServiceRegistration) throws(VextQueueFault) {
    while true {
      let isEnabled = try core.state.withLock { state throws(VextQueueFault) -> Bool in
        guard !state.isLost, !state.isClosed else { throw VextQueueFault(error: .outOfResources, detail: 0) }
        // What an earlier life of the queue left; the service writes from the reply on.
        core.place.table.record(of: queue).clear()
        switch state.ask(.enable(queue: queue, registration.setup), descriptors: registration.descriptors) {
        case .enable(let fault):
          guard fault == .none else { throw fault }
          state.enabled[queue] = registration
          core.contention.begin(queue, registration, memory: core.place.memory)
          return true
        case .failed, .hello, .open, .statistics, .text, .done:
          throw VextQueueFault(error: .outOfResources, detail: 0)
        case nil: return false
        }
      }
      if isEnabled { return }
      HostClock.sleep(nanoseconds: Self.pauseNanoseconds)
    }
  }

  /// Returns when nobody touches the queue any more. Answers with EIO what a service that has ended left in flight.
  func disable(_ queue: UInt16) {
    core.contention.end(queue)
    core.state.withLock { state in
      if let registration = state.enabled[queue], state.ask(.disable(queue: queue)) == nil,
        state.orphans[queue] == nil
      {
        _ = core.orphan(queue, registration)
      }
      state.enabled[queue] = nil
      state.orphans[queue] = nil
    }
  }

  /// Why the enabled queue stopped.
  func fault(of queue: UInt16) -> VextQueueFault { core.place.table.record(of: queue).fault }

  /// Ends what is in flight, makes durable what was written, and leaves the service. After the machine has stopped; twice
  /// does no harm.
  ///
  /// - Throws: what the flush says; ECONNRESET while the service is away, ETIMEDOUT where it does not answer.
  public func close() throws(Errno) {
    try core.state.withLock { state throws(Errno) in
      guard !state.isClosed else { return }
      state.isClosed = true
      guard var connection = state.connection.take() else { throw Errno.connectionReset }
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
}
