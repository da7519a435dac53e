import HostSystem
public import SystemPackage
import VextProtocol

/// The vext PCI function: control registers in BAR0 and queues in guest memory (docs/vext-protocol.md).
///
/// A function that offers sleep and wake also has a doorbell and an interrupt for each queue. vCPU threads call it. The
/// registers of each queue have a lock, which is held while the queue is attached to or detached from its I/O thread.
public final class VextDevice: PCIFunction {
  /// The largest depth of a queue.
  public static let maxQueueDepth: UInt32 = 1024

  /// The BAR of the MSI-X table.
  private static let interruptBAR = 1

  /// Identity, BAR0, and the MSI-X table if the function has interrupts.
  public let configuration: PCIConfigurationSpace
  /// The doorbells; empty for a function without them.
  public let notifications: [PCINotification]

  private let geometry: VextDiskGeometry
  private let log: VextLog
  private let queues: [VextQueueRegisters]
  /// Nil if requests are not counted here.
  private let activities: DiskActivities?
  private let signals: VextSignals?
  /// The connection to vextd, if it serves the queues.
  private let service: VextServiceClient?

  /// Makes a function that offers no feature, and serves `disk` through `queueCount` queues, 1 to `VextRegister/queueLimit`.
  ///
  /// - Parameters:
  ///   - name: names the device in the log, for example by its machine.
  ///   - servers: polling I/O threads; server `i` modulo their number serves queue `i`.
  ///   - countsRequests: whether ``statistics`` counts, which costs two readings of a clock for each request.
  public convenience init(
    name: String, disk: DiskImage, queueCount: Int, memory: GuestMemory, servers: [any IOQueueServer],
    countsRequests: Bool = false
  ) {
    self.init(
      log: VextLog(device: name), disk: disk, queueCount: queueCount, memory: memory, servers: servers,
      countsRequests: countsRequests)
  }

  /// Makes the same function with a log that a test can read.
  convenience init(
    log: VextLog, disk: DiskImage, queueCount: Int, memory: GuestMemory, servers: [any IOQueueServer],
    countsRequests: Bool
  ) {
    self.init(
      disk: VextServedDisk(memory: memory, image: disk, log: log), servers: servers, signals: nil,
      doorbells: [VextDoorbell?](repeating: nil, count: queueCount), countsRequests: countsRequests)
  }

  /// Makes a function that also offers DOORBELL and INTERRUPT (docs/vext-protocol.md §8.1), for I/O threads that may sleep.
  ///
  /// - Parameters:
  ///   - interruptRouter: receives the queues' interrupts.
  ///   - contention: whether the machine's vCPUs wait for CPUs; given, the function offers CONTENTION too (§8.2).
  /// - Throws: errors of eventfds and of the router.
  public convenience init(
    name: String, disk: DiskImage, queueCount: Int, memory: GuestMemory, servers: [any IOQueueServer],
    interruptRouter: any MessageInterruptRouter, contention: CPUContention? = nil,
    countsRequests: Bool = false
  ) throws(Errno) {
    let signals = VextSignals(
      interrupts: try MSIXTable(vectorCount: queueCount, router: interruptRouter), contention: contention)
    self.init(
      disk: VextServedDisk(memory: memory, image: disk, log: VextLog(device: name)), servers: servers,
      signals: signals, doorbells: try Self.doorbells(queueCount), countsRequests: countsRequests)
  }

  /// Makes a function whose queues vextd serves; it offers no feature.
  ///
  /// - Parameters:
  ///   - name: names the device in the log.
  ///   - service: has the disk open.
  public convenience init(name: String, service: VextServiceClient, queueCount: Int) {
    self.init(
      name: name, service: service, signals: nil,
      doorbells: [VextDoorbell?](repeating: nil, count: queueCount))
  }

  /// Makes a function whose queues vextd serves, which offers DOORBELL and INTERRUPT if the service does.
  ///
  /// - Parameters:
  ///   - interruptRouter: receives the queues' interrupts, which the service signals.
  ///   - contention: whether the machine's vCPUs wait for CPUs; given, the function offers CONTENTION too if the service does.
  /// - Throws: errors of eventfds and of the router.
  public convenience init(
    name: String, service: VextServiceClient, queueCount: Int, interruptRouter: any MessageInterruptRouter,
    contention: CPUContention? = nil
  ) throws(Errno) {
    guard service.offeredFeatures.isSuperset(of: VextSignals.sleepFeatures) else {
      self.init(name: name, service: service, queueCount: queueCount)
      return
    }
    let interrupts = try MSIXTable(vectorCount: queueCount, router: interruptRouter, isShared: true)
    self.init(
      name: name, service: service,
      signals: VextSignals(
        interrupts: interrupts,
        contention: service.offeredFeatures.contains(.contention) ? contention : nil),
      doorbells: try Self.doorbells(queueCount))
  }

  private init(
    name: String, service: VextServiceClient, signals: VextSignals?, doorbells: [VextDoorbell?]
  ) {
    precondition((1...Int(VextRegister.queueLimit)).contains(doorbells.count))
    let log = VextLog(device: name)
    self.log = log
    self.service = service
    geometry = service.geometry
    self.signals = signals
    activities = nil
    configuration = Self.configuration(signals: signals)
    queues = doorbells.enumerated().map { index, doorbell in
      let port = ServiceVextQueue(
        index: UInt16(index), client: service, signals: signals, doorbell: doorbell)
      return VextQueueRegisters(
        index: UInt16(index), port: port, log: log, signals: signals, doorbell: doorbell)
    }
    notifications = Self.notifications(doorbells)
  }

  private static func doorbells(_ count: Int) throws(Errno) -> [VextDoorbell?] {
    var doorbells: [VextDoorbell?] = []
    for _ in 0..<count { doorbells.append(VextDoorbell(event: try EventDescriptor())) }
    return doorbells
  }

  private static func notifications(_ doorbells: [VextDoorbell?]) -> [PCINotification] {
    doorbells.enumerated().compactMap { index, doorbell in
      doorbell.map {
        PCINotification(
          bar: 0, offset: VextRegister.queue(UInt16(index), .doorbell), eventDescriptor: $0.descriptor)
      }
    }
  }

  private init(
    disk: VextServedDisk, servers: [any IOQueueServer], signals: VextSignals?,
    doorbells: [VextDoorbell?],
    countsRequests: Bool
  ) {
    precondition((1...Int(VextRegister.queueLimit)).contains(doorbells.count) && !servers.isEmpty)
    log = disk.log
    geometry = VextDiskGeometry(disk.disk)
    service = nil
    self.signals = signals
    let activities = countsRequests ? DiskActivities(serverCount: servers.count) : nil
    self.activities = activities
    configuration = Self.configuration(signals: signals)
    queues = doorbells.enumerated().map { index, doorbell in
      let port = LocalVextQueue(
        index: UInt16(index), disk: disk, server: servers[index % servers.count],
        activity: activities?.activity(ofQueue: index), signals: signals, doorbell: doorbell)
      return VextQueueRegisters(
        index: UInt16(index), port: port, log: disk.log, signals: signals, doorbell: doorbell)
    }
    notifications = Self.notifications(doorbells)
  }

  private static func configuration(signals: VextSignals?) -> PCIConfigurationSpace {
    PCIConfigurationSpace(
      identity: PCIIdentity(
        vendor: VextPCIIdentity.vendor, device: VextPCIIdentity.device, classCode: VextPCIIdentity.classCode),
      bars: [0: UInt32(VextRegister.barByteCount)],
      msix: signals.map { (interruptBAR, $0.interrupts) })
  }

  /// Counts of the guest's requests so far. Any thread.
  public var statistics: DiskStatistics {
    service?.statistics ?? activities?.statistics ?? DiskStatistics()
  }

  /// Whether nothing is in flight of queues that were to be disabled.
  var isQuiet: Bool { queues.allSatisfy(\.isQuiet) }

  /// Disables every queue and waits for requests in flight, for ten seconds at most, because storage may hang. Call it after the
  /// machine's vCPUs have stopped.
  public func shutDown() {
    let deadline = HostClock.monotonicNanoseconds() &+ DiskTimeout.nanoseconds
    for queue in queues {
      let now = HostClock.monotonicNanoseconds()
      queue.disable(nanoseconds: deadline > now ? deadline - now : 0)
    }
    // The process may end next.
    log.flush()
  }

  /// Reads a control register; an access to a part of a register reads as zero.
  public func readBAR(_ bar: Int, offset: UInt64, byteCount: Int) -> UInt64 {
    guard bar == 0 else { return 0 }
    if offset >= VextRegister.queueBase {
      guard let (queue, register) = queueRegister(offset) else { return 0 }
      return queue.read(register, byteCount: byteCount)
    }
    let value: UInt64
    switch offset & ~7 {
    case VextRegister.magic: value = UInt64(VextRegister.magicValue) | UInt64(VextRegister.versionValue) << 32
    case VextRegister.deviceFeatures: value = signals?.offeredFeatures.rawValue ?? 0
    case VextRegister.driverFeatures: value = signals?.acceptedFeatures.rawValue ?? 0
    case VextRegister.capacity: value = geometry.byteCount
    case VextRegister.blockByteCount:
      value = UInt64(geometry.blockByteCount) | UInt64(geometry.maxTransferByteCount) << 32
    case VextRegister.maxSegments:
      value = UInt64(geometry.maxSegments) | UInt64(queues.count) << 32
    case VextRegister.maxQueueDepth:
      value = UInt64(geometry.maxQueueDepth) | UInt64(geometry.flags.rawValue) << 32
    // The reset register itself reads as zero.
    case VextRegister.reset: value = UInt64(geometry.maxRangeByteCount) << 32
    default: value = 0
    }
    return RegisterAccess.read(value, offset: offset, byteCount: byteCount)
  }

  /// Writes a control register; an access to a part of a register is ignored.
  public func writeBAR(_ bar: Int, offset: UInt64, byteCount: Int, value: UInt64) {
    guard bar == 0 else { return }
    if offset == VextRegister.reset && byteCount == 4 {
      shutDown()
      signals?.reset()
      return
    }
    if offset & ~7 == VextRegister.driverFeatures {
      signals?.accept(offset: offset, byteCount: byteCount, value: value)
      return
    }
    guard let (queue, register) = queueRegister(offset) else { return }
    queue.write(register, byteCount: byteCount, value: value)
  }

  /// The queue of a register and the register's offset within the queue's block; nil if there is no such queue.
  private func queueRegister(_ offset: UInt64) -> (VextQueueRegisters, UInt64)? {
    guard offset >= VextRegister.queueBase else { return nil }
    let index = (offset - VextRegister.queueBase) / VextRegister.queueStride
    guard index < UInt64(queues.count) else { return nil }
    return (queues[Int(index)], (offset - VextRegister.queueBase) % VextRegister.queueStride)
  }
}

/// Reads and writes of 32 or 64 bits to registers of either width.
enum RegisterAccess {
  /// The part of `value` that an access reads; `value` holds the 64 bits at the address `offset & ~7`.
  static func read(_ value: UInt64, offset: UInt64, byteCount: Int) -> UInt64 {
    switch (offset & 7, byteCount) {
    case (0, 8): value
    case (0, 4): value & 0xFFFF_FFFF
    case (4, 4): value >> 32
    default: 0
    }
  }

  /// Replaces the part of `current` that an access writes.
  ///
  /// - Returns: false if the access is not to 4 or 8 aligned bytes.
  static func write(_ value: UInt64, into current: inout UInt64, offset: UInt64, byteCount: Int) -> Bool {
    switch (offset & 7, byteCount) {
    case (0, 8): current = value
    case (0, 4): current = current & ~0xFFFF_FFFF | value & 0xFFFF_FFFF
    case (4, 4): current = current & 0xFFFF_FFFF | value << 32
    default: return false
    }
    return true
  }
}
