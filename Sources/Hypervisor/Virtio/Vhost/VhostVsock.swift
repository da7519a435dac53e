import SystemPackage

/// A virtio socket device (virtio 1.2 §5.10) that the host's kernel serves: programs of host and guest connect to each other by
/// AF_VSOCK.
///
/// The kernel serves the queues for receiving and transmitting. The event queue is never used, because it reports migrations.
public final class VhostVsock: VirtioDevice {
  /// The context IDs that a guest may have. 0 to 2 are the hypervisor, the loopback and the host; the last one is any
  /// (virtio 1.2 §5.10.4).
  public static let contextIDs: ClosedRange<Int> = 3...0xFFFF_FFFE
  /// The vhost driver's device.
  public static let path = "/dev/vhost-vsock"

  /// Entries of each queue.
  private static let queueSize: UInt16 = 128
  /// The queues that the kernel serves: receiving and transmitting (§5.10.2).
  private static let servedQueueCount = 2

  /// The guest's context ID.
  public let contextID: UInt32
  /// The features that the vhost driver offers of those that virtio has.
  public let features: VirtioFeatures
  private let frontEnd: VhostFrontEnd

  /// Opens the host's device and takes `contextID`.
  ///
  /// - Parameters:
  ///   - thread: raises the interrupts of virtio drivers without MSI-X.
  ///   - machine: names the guest in the log.
  public convenience init(
    contextID: UInt32, memory: GuestMemory, thread: DeviceThread, machine: String
  ) throws(VhostError) {
    try self.init(
      contextID: contextID, driver: VhostFile(path: Self.path, module: "vhost_vsock"), memory: memory,
      thread: thread, log: VextLog(device: "\(machine) vsock:"))
  }

  /// The same with any driver.
  init(
    contextID: UInt32, driver: any VhostDriver, memory: GuestMemory, thread: DeviceThread, log: VextLog
  ) throws(VhostError) {
    frontEnd = try VhostFrontEnd(
      driver, function: .sockets, ringCount: Self.servedQueueCount, memory: memory, thread: thread, log: log)
    self.contextID = contextID
    features = frontEnd.features.intersection(VhostKernelBackEnd.ringFeatures.union(.vsockSequencedPackets))
    do throws(VhostError) {
      try frontEnd.perform(.setContextID(contextID), "VHOST_VSOCK_SET_GUEST_CID")
    } catch {
      guard error == .failed("VHOST_VSOCK_SET_GUEST_CID", .addressInUse) else { throw error }
      throw .contextIDInUse(contextID)
    }
  }

  /// 19 (virtio 1.2 §5.10.1).
  public var deviceID: UInt16 { 19 }

  /// A communication device, of no type that PCI names.
  public var classCode: UInt32 { 0x07_80_00 }

  /// The sizes of the queues for receiving, transmitting and events.
  public var queueSizes: [UInt16] { [UInt16](repeating: Self.queueSize, count: Self.servedQueueCount + 1) }

  /// The context ID, in 64 bits (§5.10.4).
  public var configuration: [UInt8] {
    LittleEndianBytes(encoding: [UInt64(contextID)]).bytes
  }

  /// The interrupts are eventfds that the vhost driver signals.
  public var sharesInterrupts: Bool { true }

  /// Ignored: a driver changes no field (§5.10.4).
  public func writeConfiguration(offset: UInt64, byteCount: Int, value: UInt64) {}

  /// Hands the rings to the vhost driver; reports a failure to the virtio driver.
  public func activate(_ queues: [VirtioQueueBinding], features: VirtioFeatures) {
    frontEnd.activate(queues, features: features)
  }

  /// Takes the rings back.
  public func deactivate() { frontEnd.deactivate() }

  /// Tells the vhost driver which eventfd is the queue's interrupt now.
  public func interruptChanged(ofQueue index: Int) { frontEnd.interruptChanged(ofQueue: index) }
}

extension VirtioFeatures {
  /// VIRTIO_VSOCK_F_SEQPACKET: sockets of SOCK_SEQPACKET (virtio 1.2 §5.10.3).
  static let vsockSequencedPackets = VirtioFeatures(rawValue: 1 << 1)
}
