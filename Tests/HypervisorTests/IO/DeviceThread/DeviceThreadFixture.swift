import HostSystem
import Hypervisor
// Visible in all files of these tests.
@_exported import TestSupport
import Testing
import VextProtocol

/// A virtio device on a device thread, in a machine without vCPUs, and a driver that can start it.
final class DeviceThreadFixture<Device: VirtioDevice> {
  static var memoryByteCount: UInt64 { 8 << 20 }
  static var version1: UInt64 { 1 << 32 }
  static var eventIndex: UInt64 { 1 << 29 }
  /// Where a test has its buffers.
  static var buffers: UInt64 { 0x20_0000 }

  let memory: GuestMemory
  let thread: DeviceThread
  let recorder = VirtioEventRecorder()
  let lines = InterruptLineRecorder()
  let device: Device
  let function: VirtioPCI
  let driver: FakeVirtioDriver
  var queues: [FakeVirtqueue] = []

  init(_ make: (GuestMemory, DeviceThread) -> Device) throws {
    memory = try GuestMemory(byteCount: Self.memoryByteCount)
    thread = try DeviceThread(name: "test devices")
    device = make(memory, thread)
    function = try VirtioPCI(device: device, memory: memory, router: recorder)
    let bus = AddressBus()
    driver = try FakeVirtioDriver(of: function, bus: bus, recorder: recorder, lines: lines)
  }

  deinit {
    function.shutDown()
    thread.stop()
  }

  /// Resets the device and sets all its queues up.
  func start(features: UInt64 = 0, usesEventIndex: Bool = true) throws {
    let extra = usesEventIndex ? Self.eventIndex : 0
    try driver.negotiate(features | extra | Self.version1)
    let count = Int(driver.read(FakeVirtioDriver.Common.queueCount, byteCount: 2))
    queues = try (0..<count).map { index in
      try FakeVirtqueue(
        memory: memory, base: 0x1_0000 * UInt64(index + 1), size: 16, usesEventIndex: usesEventIndex)
    }
    for (index, queue) in queues.enumerated() { driver.enable(index, queue.layout) }
    driver.start()
  }

  /// Makes a chain of `readable` bytes and `writableByteCount` bytes of room available at descriptor `head` on.
  func offer(
    _ index: Int, head: UInt16 = 0, readable: [UInt8] = [], writableByteCount: UInt32 = 0,
    at address: UInt64 = DeviceThreadFixture.buffers
  ) throws {
    try memory.write(readable, at: GuestAddress(address))
    let room = address + UInt64(readable.count)
    try queues[index].describeChain(
      head, readable: readable.isEmpty ? [] : [(address, UInt32(readable.count))],
      writable: writableByteCount == 0 && !readable.isEmpty ? [] : [(room, writableByteCount)])
    if try queues[index].offer(head) { driver.kick(index) }
  }

  /// What the device hands back next, within ten seconds.
  func takeUsed(_ index: Int) throws -> FakeVirtqueue.Used? {
    for _ in 0..<10_000 {
      if let used = try queues[index].takeUsed() { return used }
      HostClock.sleep(nanoseconds: 1_000_000)
    }
    return nil
  }

  /// What the device has handed back by now, once its thread has carried out all commands.
  func takeUsedAtOnce(_ index: Int) throws -> FakeVirtqueue.Used? {
    // Twice: notifications that came before the call may be served after it.
    for _ in 0..<2 { thread.run {} }
    HostClock.sleep(nanoseconds: 5_000_000)
    return try queues[index].takeUsed()
  }

  var needsReset: Bool { driver.status & FakeVirtioDriver.Status.needsReset != 0 }

  func configuration(_ offset: UInt64, byteCount: Int) -> UInt64 {
    driver.bus.read(driver.deviceBase + offset, byteCount: byteCount)
  }

  func setConfiguration(_ offset: UInt64, byteCount: Int, _ value: UInt64) {
    driver.bus.write(driver.deviceBase + offset, byteCount: byteCount, value: value)
  }
}
