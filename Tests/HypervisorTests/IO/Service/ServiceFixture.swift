import CLinux
import Glibc
import HostSystem
import SystemPackage
import Testing
import VextProtocol

@testable import Hypervisor

/// A service with a disk "rw", a disk "ro" and one I/O thread, clients over socket pairs, and the lines of the service's log.
final class ServiceFixture {
  let disk: VirtioTemporaryDisk
  let service: VextService
  let logged = LogRecorder()
  private let group: IOThreadGroup

  /// - Parameter share: what each disk may take.
  init(
    waiting: IOThread.Waiting = .adaptive, engine: BlockEngineKind = .sync,
    diskByteCount: Int = VextFixture.diskByteCount, threadCount: Int = 1, share: DiskShare = DiskShare()
  ) throws {
    let disk = VirtioTemporaryDisk(byteCount: diskByteCount)
    let threads = try (0..<threadCount).map {
      try IOThread(name: "vextd-test\($0)", cpus: nil, waiting: waiting, engine: engine)
    }
    let group = try IOThreadGroup(threads, rebalances: false)
    let disks = try [("rw", false), ("ro", true)].map { name, isReadOnly in
      try #require(
        VextServiceDisk(
          name: name, image: try DiskImage(path: disk.path, readOnly: isReadOnly, direct: false),
          ownerID: geteuid(), share: share))
    }
    service = try VextService(
      disks: disks, servers: group.servers, group: group, engine: engine, offersSleep: true,
      writer: logged.writer())
    self.disk = disk
    self.group = group
  }

  deinit {
    service.stop()
    for thread in group.threads { thread.stop() }
  }

  /// A connection to the service.
  func connect() throws -> PacketSocket { try Self.connect(to: service) }

  /// A connection to any service.
  static func connect(to service: VextService) throws -> PacketSocket {
    var (first, second): (Int32, Int32) = (-1, -1)
    try #require(unsafe linux_frame_socket_pair(&first, &second) == 0)
    service.add(PacketSocket(adopting: OwnedDescriptor(adopting: second)))
    return PacketSocket(adopting: OwnedDescriptor(adopting: first))
  }

  /// A client that has done nothing yet.
  func rawClient() throws -> RawServiceClient { RawServiceClient(try connect()) }

  /// A machine's memory with a disk of the service's, and drivers for its queues, all enabled.
  ///
  /// - Parameters:
  ///   - features: what the drivers accept of sleep and wake; nil: the function offers nothing.
  ///   - contention: whether the machine's CPUs are shared; nil: the function does not offer CONTENTION.
  func machine(
    _ name: String = "rw", queueCount: Int = 1, depth: UInt32 = 16, accepting features: VextFeatures? = nil,
    contention: CPUContention? = nil
  ) throws -> ServedMachine {
    try ServedMachine(
      try connect(), disk: name, queueCount: queueCount, depth: depth, accepting: features,
      contention: contention)
  }

  /// CPU time of the I/O threads.
  func cpuTimeNanoseconds() throws -> UInt64 {
    try group.threads.reduce(0) { try $0 + $1.thread.cpuTimeNanoseconds() }
  }

  /// Waits until the service has `count` clients; tells whether it has.
  func waitForClients(_ count: Int) -> Bool { eventually { service.clientCount == count } }
}

/// A guest's memory and a vext device that a service serves.
final class ServedMachine {
  let memory: GuestMemory
  let device: VextDevice
  let client: VextServiceClient
  let drivers: [FakeVextDriver]
  /// Where interrupts go: vector `i` is queue `i`'s.
  let recorder = VirtioEventRecorder()

  init(
    _ socket: consuming sending PacketSocket, disk: String, queueCount: Int, depth: UInt32,
    accepting features: VextFeatures? = nil, contention: CPUContention? = nil
  ) throws {
    let memory = try GuestMemory(byteCount: VextFixture.memoryByteCount, isShared: true)
    let client = try VextServiceClient(
      VextServiceConnection(path: "test", socket: socket), disk: disk, memory: memory, machine: "test")
    let device =
      features == nil
      ? VextDevice(name: "test", service: client, queueCount: queueCount)
      : try VextDevice(
        name: "test", service: client, queueCount: queueCount, interruptRouter: recorder,
        contention: contention)
    drivers = (0..<queueCount).map {
      FakeVextDriver(
        device: device, memory: memory, queue: UInt16($0), depth: depth,
        ringBase: 0x1_0000 + UInt64($0) * 0x2_0000)
    }
    self.memory = memory
    self.client = client
    self.device = device
    if let features {
      device.writeBAR(0, offset: VextRegister.driverFeatures, byteCount: 8, value: features.rawValue)
      device.configuration.msix?.setControl(enabled: true, masked: false)
      for driver in drivers {
        driver.wakeBlock = driver.submissionRing + 0x1_8000
        setMask(of: driver, false)
      }
    }
    for driver in drivers { try driver.enable() }
  }

  /// Masks the interrupt of a driver's queue, or unmasks it.
  func setMask(of driver: FakeVextDriver, _ isMasked: Bool) {
    let entry = UInt64(driver.queue) * 16
    device.configuration.msix?.write(offset: entry, byteCount: 8, value: 0xFEE0_0000)
    device.configuration.msix?.write(
      offset: entry + 8, byteCount: 8, value: 0x40 | (isMasked ? 1 << 32 : 0))
  }

  var driver: FakeVextDriver { drivers[0] }

  /// Whether a block of the disk arrives as it is in the file.
  func readsWell(_ driver: FakeVextDriver? = nil) throws -> Bool {
    try memory.write([UInt8](repeating: 0, count: 512), at: GuestAddress(VextFixture.data))
    let answer = try (driver ?? self.driver).perform(VextFixture.entry(.read, id: 1, offset: 0x8000))
    return try answer.status == 0
      && memory.read(512, at: GuestAddress(VextFixture.data)) == VirtioTemporaryDisk.pattern(0x8000, 512)
  }
}

/// A peer of the service that sends whatever a test wants.
final class RawServiceClient {
  let socket: PacketSocket
  private var tag: UInt32 = 0

  init(_ socket: consuming PacketSocket) { self.socket = socket }

  /// Sends bytes as they are.
  func send(_ bytes: [UInt8], descriptors: [Int32] = []) throws {
    try socket.send(bytes, descriptors: descriptors)
  }

  /// The next message; nil where the service has ended the connection, or says nothing for ten seconds.
  func receive() throws -> [UInt8]? {
    let deadline = HostClock.monotonicNanoseconds() + 10_000_000_000
    guard try socket.wait(deadline: deadline) == .ready else { return nil }
    do throws(Errno) {
      let bytes = try socket.receive(byteLimit: VextServiceRequest.byteLimit).bytes
      return bytes.isEmpty ? nil : bytes
    } catch {
      guard error == .connectionReset else { throw error }
      return nil
    }
  }

  /// Sends a well-formed request and returns what was answered.
  func ask(_ request: VextServiceRequest, descriptors: [Int32] = []) throws -> VextServiceReply? {
    tag += 1
    try send(request.encoded(tag: tag), descriptors: descriptors)
    return try receive().map { try VextServiceReply.decode($0, to: request, tag: tag) }
  }

  /// Whether the service ends the connection, whatever it answered before.
  func isLeft() throws -> Bool {
    let deadline = HostClock.monotonicNanoseconds() + 10_000_000_000
    while HostClock.monotonicNanoseconds() < deadline {
      if try receive() == nil { return try socket.wait(deadline: deadline) == .ready }
    }
    return false
  }

  /// Does what comes first in a connection.
  func greet() throws {
    #expect(
      try ask(.hello(version: 1, features: 0)) == .hello(version: 1, features: 7))
  }

  /// Greets and opens a disk.
  func open(_ name: String = "ro") throws {
    try greet()
    guard case .open = try ask(.open(disk: name)) else {
      Issue.record("the disk is not open")
      return
    }
  }

  /// Greets, opens a disk and shares `byteCount` bytes from address 0.
  func share(_ name: String = "ro", byteCount: UInt64 = 1 << 20) throws {
    try open(name)
    let files = try SharedPair(memoryByteCount: byteCount)
    #expect(
      try ask(.memory([.whole(byteCount)]), descriptors: [files.memory.descriptor, files.table.descriptor])
        == .done)
  }
}

/// What a client shares: memory, and a table of queues.
struct SharedPair: ~Copyable {
  let memory: SharedMemoryFile
  let table: SharedMemoryFile

  init(memoryByteCount: UInt64 = 1 << 20) throws {
    let memory = try SharedMemoryFile(name: "memory", byteCount: memoryByteCount)
    let table = try SharedMemoryFile(name: "table", byteCount: VextQueueTable.byteCount)
    self.memory = memory
    self.table = table
  }
}

extension GuestMemoryRegion {
  /// All of a file, from address 0.
  static func whole(_ byteCount: UInt64) -> GuestMemoryRegion {
    GuestMemoryRegion(address: GuestAddress(0), byteCount: byteCount, fileOffset: 0)
  }
}
