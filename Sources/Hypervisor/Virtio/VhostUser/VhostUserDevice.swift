import HostSystem
import Synchronization
import SystemPackage

/// A virtio device whose rings another process serves: a back end of vhost-user.
///
/// The device connects when it is made. A thread ("vhost-watch") watches the connection, forwards changes of the configuration, and
/// raises the interrupts that the back end cannot raise itself. When the back end has ended, the queues fail, or a successor
/// continues them if the back end noted its requests in memory that the guest's process keeps (INFLIGHT_SHMFD).
public final class VhostUserDevice: VirtioDevice {
  /// How long a guest waits for the successor of a back end that has ended.
  public static let defaultSuccessorTimeoutNanoseconds: UInt64 = 10_000_000_000

  /// The features that driver and back end can negotiate.
  public let features: VirtioFeatures
  /// The same size for each queue.
  public let queueSizes: [UInt16]
  private let kind: VhostUserDeviceKind
  private let frontEnd: VhostUserFrontEnd
  private let watcher: HostThread

  /// Connects to the back end that listens at `path`.
  ///
  /// - Parameters:
  ///   - queueSize: a power of two up to 1024.
  ///   - memory: made to be shared (`MachineConfiguration.sharesMemory`).
  ///   - machine: names the guest in the log.
  public convenience init(
    path: String, kind: VhostUserDeviceKind, queueSize: UInt16 = 256, memory: GuestMemory, machine: String,
    successorTimeoutNanoseconds: UInt64 = defaultSuccessorTimeoutNanoseconds
  ) throws(VhostUserError) {
    let log = VextLog(device: "\(machine) \(kind.label) \(path):")
    try self.init(
      kind: kind, queueSize: queueSize, memory: memory, log: log,
      successorTimeoutNanoseconds: successorTimeoutNanoseconds
    ) { () throws(Errno) in try DescriptorStream.connected(path: path) }
  }

  /// The same with any way to connect.
  init(
    kind: VhostUserDeviceKind, queueSize: UInt16, memory: GuestMemory, log: VextLog,
    successorTimeoutNanoseconds: UInt64,
    connect: @escaping @Sendable () throws(Errno) -> DescriptorStream
  ) throws(VhostUserError) {
    guard memory.sharedDescriptor != nil else { throw .memory("the guest's memory is not shared") }
    let frontEnd = try VhostUserFrontEnd(
      kind: kind, queueSize: queueSize, memory: memory, log: log,
      successorTimeoutNanoseconds: successorTimeoutNanoseconds,
      connect: connect)
    self.kind = kind
    self.frontEnd = frontEnd
    features = frontEnd.offer.features
    queueSizes = [UInt16](repeating: queueSize, count: frontEnd.offer.queueCount)
    do throws(Errno) {
      watcher = try HostThread(name: "vhost-watch", cpus: nil, kind: .watcher) { frontEnd.watch() }
    } catch { throw .failed(error) }
  }

  deinit {
    frontEnd.stop.signal()
    watcher.join()
  }

  /// The type's ID.
  public var deviceID: UInt16 { kind.deviceID }

  /// Mass storage, of no type that PCI names.
  public var classCode: UInt32 { 0x01_80_00 }

  /// The configuration as the back end had it last.
  public var configuration: [UInt8] { frontEnd.configuration }

  /// The interrupts are eventfds that the back end signals.
  public var sharesInterrupts: Bool { true }

  /// Passes the write to the back end, which knows which fields may change.
  public func writeConfiguration(offset: UInt64, byteCount: Int, value: UInt64) {
    frontEnd.writeConfiguration(offset: offset, byteCount: byteCount, value: value)
  }

  /// Hands the rings to the back end; reports a failure to the driver.
  public func activate(_ queues: [VirtioQueueBinding], features: VirtioFeatures) {
    frontEnd.activate(queues, features: features)
  }

  /// Takes the rings back; waits for requests in flight, for ten seconds at most.
  public func deactivate() { frontEnd.deactivate() }

  /// Tells the back end which eventfd is the queue's interrupt now.
  public func interruptChanged(ofQueue index: Int) { frontEnd.interruptChanged(ofQueue: index) }

  /// Whether no back end that failed to stop still has the guest's memory.
  public var isQuiet: Bool { frontEnd.isQuiet }
}
