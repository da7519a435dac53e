import HostSystem
import SystemPackage
import Testing
import VextProtocol

@testable import Hypervisor

/// A vhost-user device in a machine without vCPUs, with a driver and a scripted back end.
final class VhostUserFixture {
  static let features: UInt64 = 1 << 32 | 1 << 28 | 1 << 29
  let backEnd: ScriptedBackEnd
  let memory: GuestMemory
  let recorder = VirtioEventRecorder()
  let lines = InterruptLineRecorder()
  let memoryBus = AddressBus()
  let device: VhostUserDevice
  let function: VirtioPCI
  let driver: FakeVirtioDriver
  let logged = LogRecorder()
  var queues: [FakeVirtqueue] = []

  init(
    _ backEnd: ScriptedBackEnd = ScriptedBackEnd(),
    kind: VhostUserDeviceKind = .block(queueCount: 2, limit: 2),
    successorTimeoutNanoseconds: UInt64 = 0
  ) throws {
    self.backEnd = backEnd
    memory = try GuestMemory(byteCount: 8 << 20, isShared: true)
    device = try VhostUserDevice(
      kind: kind, queueSize: 16, memory: memory,
      log: logged.log("test:"),
      successorTimeoutNanoseconds: successorTimeoutNanoseconds
    ) { () throws(Errno) in try backEnd.connect() }
    function = try VirtioPCI(device: device, memory: memory, router: recorder)
    driver = try FakeVirtioDriver(of: function, bus: memoryBus, recorder: recorder, lines: lines)
  }

  deinit { function.shutDown() }

  /// Resets the device and sets all queues up.
  func start() throws {
    try driver.negotiate(Self.features)
    queues = try (0..<device.queueSizes.count).map { index in
      try FakeVirtqueue(memory: memory, base: 0x1_0000 * UInt64(index + 1), size: 16, usesEventIndex: true)
    }
    for (index, queue) in queues.enumerated() { driver.enable(index, queue.layout) }
    driver.start()
  }

  /// Whether the device asks for a reset.
  var needsReset: Bool { driver.status & FakeVirtioDriver.Status.needsReset != 0 }
}
