import Glibc
import HostSystem
import Hypervisor
import Synchronization
import SystemPackage
// Visible in all files of these tests.
@_exported import TestFolders
import VextProtocol

@testable import VextClient

/// A device model of the host's on an I/O thread, and the client that drives it, in one process.
final class ClientFixture {
  static let diskByteCount = 4 << 20
  static let poolByteCount = 4 << 20

  let folder = TemporaryFolder.makeOrTrap()
  let diskPath: String
  let device: VextBlockDevice
  /// Carries out the requests, if there is one.
  let thread: IOThread?

  /// - Parameters:
  ///   - scattered: whether no two pages of the client's memory follow one another.
  ///   - isServed: whether anybody carries out requests.
  ///   - maySleep: whether the I/O thread sleeps without requests, so that the device offers DOORBELL.
  init(
    engine: BlockEngineKind = .sync, queueCount: Int = 4, readOnly: Bool = false, scattered: Bool = false,
    isServed: Bool = true, maySleep: Bool = false,
    overrides: [UInt64: UInt32] = [:], waitPolicy: VextWaitPolicy = VextWaitPolicy()
  ) throws {
    diskPath = folder.make("disk", Self.pattern(0, Self.diskByteCount))
    let image = try DiskImage(path: diskPath, readOnly: readOnly, direct: false)
    let memory = try GuestMemory(byteCount: UInt64(Self.poolByteCount) + 1 << 20)
    let thread =
      isServed
      ? try IOThread(name: "vext-test", cpus: nil, waiting: maySleep ? .adaptive : .polling, engine: engine)
      : nil
    self.thread = thread
    let servers: [any IOQueueServer] = [thread ?? NobodyServes()]
    let model =
      maySleep
      ? try VextDevice(
        name: "test", disk: image, queueCount: queueCount, memory: memory, servers: servers,
        interruptRouter: NoInterrupts())
      : VextDevice(name: "test", disk: image, queueCount: queueCount, memory: memory, servers: servers)
    let registers = FakeRegisters(model, thread: thread, overrides: overrides)
    let start: UInt64 = 1 << 20
    guard
      var base = unsafe memory.map.hostPointer(GuestAddress(start), byteCount: UInt64(Self.poolByteCount))
    else { preconditionFailure("the pool is in guest memory") }
    var pages = (0..<UInt64(Self.poolByteCount) / 4096).map { start + $0 * 4096 }
    if scattered {
      unsafe base = try registers.reverse(base, byteCount: Self.poolByteCount)
      pages.reverse()
    }
    device = try unsafe VextBlockDevice(
      address: "test", registers: registers, limits: VextDeviceLimits(registers, address: "test"),
      memory: VextMemory(base: base, byteCount: Self.poolByteCount, map: PhysicalMap(pages: pages)),
      waitPolicy: waitPolicy)
  }

  /// What a fresh disk has from `offset` on.
  static func pattern(_ offset: Int, _ count: Int) -> [UInt8] { Array(fresh[offset..<offset + count]) }

  private static let fresh: [UInt8] = {
    var bytes = [UInt8](repeating: 0, count: diskByteCount)
    for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: index &* 31 &+ index >> 9) }
    return bytes
  }()

  /// Bytes that a fresh disk has nowhere.
  static func other(_ count: Int, seed: Int = 1) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: ($0 &* 7 &+ seed &* 13) ^ $0 >> 8) }
  }

  /// What the disk's file has.
  func onDisk(_ offset: Int, _ count: Int) -> [UInt8] { TemporaryFolder.read(diskPath, at: offset, count) }

  /// Cuts the disk's file.
  func truncateDisk(to byteCount: Int) { _ = unsafe truncate(diskPath, byteCount) }
}

/// The interrupts of a driver that has none routed.
final class NoInterrupts: MessageInterruptRouter {
  func addRoute(eventDescriptor: Int32) throws(Errno) -> UInt32 { 0 }
  func setMessage(_ message: InterruptMessage, ofRoute route: UInt32) throws(Errno) {}
  func removeRoute(_ route: UInt32, eventDescriptor: Int32) {}
}

/// A host that takes no request.
final class NobodyServes: IOQueueServer {
  func attach(_ queue: any IOQueue) {}
  func detach(_ queue: any IOQueue) {}
}
