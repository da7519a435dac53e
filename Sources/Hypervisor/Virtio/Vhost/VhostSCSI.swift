import SystemPackage

/// A virtio SCSI host (virtio 1.2 §5.6) that the host's kernel serves: the logical units of one target of its SCSI stack.
///
/// It has one queue for requests, as kvmtool's, because the kernel keeps memory for each entry of each such queue.
public final class VhostSCSI: VirtioDevice {
  /// The vhost driver's device.
  public static let path = "/dev/vhost-scsi"

  /// The numbers of the device's configuration (§5.6.4).
  private enum Limit {
    /// Entries of each queue.
    static let queueSize: UInt16 = 128
    /// The queues for control, events and requests (§5.6.2).
    static let queueCount = 3
    /// Buffers of a request, beside its header and its status.
    static let segments: UInt32 = 126
    /// Sectors of a request.
    static let sectors: UInt32 = 0xFFFF
    /// Requests to a logical unit.
    static let commands: UInt32 = 128
    /// Bytes of an event.
    static let eventByteCount: UInt32 = 16
    /// Bytes of sense data, and of a command: the defaults, which the vhost driver relies on.
    static let senseByteCount: UInt32 = 96
    static let commandByteCount: UInt32 = 32
    /// The largest numbers of a channel, a target and a logical unit.
    static let channel: UInt16 = 0
    static let target: UInt16 = 255
    static let unit: UInt32 = 16_383
  }

  /// The features that the vhost driver offers of those that virtio has.
  public let features: VirtioFeatures
  private let frontEnd: VhostFrontEnd

  /// Opens the host's device and makes sure that the target is there.
  ///
  /// - Parameters:
  ///   - thread: raises the interrupts of virtio drivers without MSI-X.
  ///   - machine: names the guest in the log.
  public convenience init(
    target: VhostSCSITarget, memory: GuestMemory, thread: DeviceThread, machine: String
  ) throws(VhostError) {
    try self.init(
      target: target, driver: VhostFile(path: Self.path, module: "vhost_scsi"), memory: memory,
      thread: thread, log: VextLog(device: "\(machine) scsi:\(target.name):"))
  }

  /// The same with any driver.
  init(
    target: VhostSCSITarget, driver: any VhostDriver, memory: GuestMemory, thread: DeviceThread, log: VextLog
  ) throws(VhostError) {
    let version: Int32
    do throws(Errno) { version = try driver.interfaceVersion() } catch {
      throw .failed("VHOST_SCSI_GET_ABI_VERSION", error)
    }
    guard version == 1 else { throw .interfaceVersion(version) }
    frontEnd = try VhostFrontEnd(
      driver, function: .target(target), ringCount: Limit.queueCount, memory: memory, thread: thread, log: log
    )
    features = frontEnd.features.intersection(VhostKernelBackEnd.ringFeatures.union(.scsiHotplug))
    // The driver knows the target only by its endpoint, which it does not set without a memory table.
    try frontEnd.perform(.setMemory(VhostMemoryTable(memory)), "VHOST_SET_MEM_TABLE")
    do throws(VhostError) {
      try frontEnd.perform(.setEndpoint(target), "VHOST_SCSI_SET_ENDPOINT")
    } catch {
      switch error {
      // EEXIST in kernels up to 2024, ENODEV since.
      case .failed(_, .fileExists), .failed(_, .operationNotSupportedByDevice):
        throw .noTarget(target.name)
      default: throw error
      }
    }
    try frontEnd.perform(.clearEndpoint(target), "VHOST_SCSI_CLEAR_ENDPOINT")
  }

  /// 8 (virtio 1.2 §5.6.1).
  public var deviceID: UInt16 { 8 }

  /// A SCSI storage controller.
  public var classCode: UInt32 { 0x01_00_00 }

  /// The sizes of the queues for control, events and requests.
  public var queueSizes: [UInt16] { [UInt16](repeating: Limit.queueSize, count: Limit.queueCount) }

  /// Limits of requests and addresses (§5.6.4).
  public var configuration: [UInt8] {
    let words: [UInt32] = [
      1, Limit.segments, Limit.sectors, Limit.commands, Limit.eventByteCount, Limit.senseByteCount,
      Limit.commandByteCount, UInt32(Limit.channel) | UInt32(Limit.target) << 16, Limit.unit,
    ]
    return LittleEndianBytes(encoding: words).bytes
  }

  /// The interrupts are eventfds that the vhost driver signals.
  public var sharesInterrupts: Bool { true }

  /// Ignored: the vhost driver takes commands and returns sense data of the default sizes alone.
  public func writeConfiguration(offset: UInt64, byteCount: Int, value: UInt64) {}

  /// Hands the rings to the vhost driver; reports a failure to the virtio driver.
  public func activate(_ queues: [VirtioQueueBinding], features: VirtioFeatures) {
    frontEnd.activate(queues, features: features.intersection(self.features))
  }

  /// Takes the rings back; waits for the requests in flight.
  public func deactivate() { frontEnd.deactivate() }

  /// Tells the vhost driver which eventfd is the queue's interrupt now.
  public func interruptChanged(ofQueue index: Int) { frontEnd.interruptChanged(ofQueue: index) }
}

extension VirtioFeatures {
  /// VIRTIO_SCSI_F_HOTPLUG: the host may add and remove logical units (virtio 1.2 §5.6.3).
  static let scsiHotplug = VirtioFeatures(rawValue: 1 << 1)
}
