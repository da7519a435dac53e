import HostSystem
import SystemPackage
import Testing
import VextProtocol

@testable import Hypervisor

/// A virtio socket device in a machine without vCPUs, with a virtio driver and a fake vhost driver.
final class VhostVsockFixture {
  static let features: UInt64 = 1 << 32 | 1 << 28 | 1 << 29
  static let contextID: UInt32 = 0x8765_4321
  let vhost: FakeVhostDriver
  let memory: GuestMemory
  let thread: DeviceThread
  let recorder = VirtioEventRecorder()
  let lines = InterruptLineRecorder()
  let memoryBus = AddressBus()
  let device: VhostVsock
  let function: VirtioPCI
  let driver: FakeVirtioDriver
  let logged = LogRecorder()
  var queues: [FakeVirtqueue] = []

  init(_ vhost: FakeVhostDriver = FakeVhostDriver()) throws {
    self.vhost = vhost
    memory = try GuestMemory(byteCount: 8 << 20)
    thread = try DeviceThread(name: "vhost-test")
    device = try VhostVsock(
      contextID: Self.contextID, driver: vhost, memory: memory, thread: thread, log: logged.log("test:"))
    function = try VirtioPCI(device: device, memory: memory, router: recorder)
    driver = try FakeVirtioDriver(of: function, bus: memoryBus, recorder: recorder, lines: lines)
  }

  deinit {
    function.shutDown()
    thread.stop()
  }

  /// Resets the device, and sets up the queues that `enabled` names.
  func start(enabled: [Int] = [0, 1, 2]) throws {
    try driver.negotiate(Self.features)
    queues = try (0..<3).map { index in
      try FakeVirtqueue(memory: memory, base: 0x1_0000 * UInt64(index + 1), size: 16, usesEventIndex: true)
    }
    for index in enabled { driver.enable(index, queues[index].layout) }
    driver.start()
  }

  /// Lets the device thread finish what it was notified of.
  func settle() { for _ in 0..<3 { thread.run {} } }

  /// Whether the device asks for a reset.
  var needsReset: Bool { driver.status & FakeVirtioDriver.Status.needsReset != 0 }
}
