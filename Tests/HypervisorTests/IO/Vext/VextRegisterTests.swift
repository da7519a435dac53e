import Hypervisor
import TestSupport
import Testing
import VextProtocol

extension VextTests {
  /// BAR0 seen by accesses of every width.
  @Suite struct RegisterTests {
    private typealias Fixture = VextFixture

    private static func makeFixture(readOnly: Bool = false) throws -> VextFixture {
      try VextFixture(
        server: SteppedQueueServer(engine: .sync, polling: true, capacity: 16), queueCount: 3,
        readOnly: readOnly)
    }

    @Test func `the device reports its identity`() throws {
      let fixture = try Self.makeFixture()
      func read(_ offset: UInt64, _ byteCount: Int = 4) -> UInt64 {
        fixture.device.readBAR(0, offset: offset, byteCount: byteCount)
      }
      #expect(read(VextRegister.magic) == UInt64(VextRegister.magicValue))
      #expect(read(VextRegister.version) == 1)
      #expect(read(VextRegister.deviceFeatures, 8) == 0)
      #expect(read(VextRegister.capacity, 8) == UInt64(Fixture.diskByteCount))
      #expect(read(VextRegister.blockByteCount) == 512)
      #expect(read(VextRegister.maxTransferByteCount) == 16 << 20)
      #expect(read(VextRegister.maxSegments) == 256)
      #expect(read(VextRegister.queueCount) == 3)
      #expect(read(VextRegister.maxQueueDepth) == 1024)
      #expect(read(VextRegister.deviceFlags) == UInt64(VextDeviceFlags([.discard, .writeZeroes]).rawValue))
      #expect(read(VextRegister.reset) == 0)
    }

    @Test func `a read-only disk has the flag`() throws {
      let fixture = try Self.makeFixture(readOnly: true)
      let flags = fixture.device.readBAR(0, offset: VextRegister.deviceFlags, byteCount: 4)
      #expect(flags == UInt64(VextDeviceFlags.readOnly.rawValue))
    }

    @Test func `a 64-bit register is read and written as a whole or by halves`() throws {
      let fixture = try Self.makeFixture()
      fixture.driver.disable()
      let ring = VextRegister.queue(0, .completionRing)
      fixture.device.writeBAR(0, offset: ring, byteCount: 8, value: 0x1122_3344_5566_7788)
      #expect(fixture.device.readBAR(0, offset: ring, byteCount: 8) == 0x1122_3344_5566_7788)
      #expect(fixture.device.readBAR(0, offset: ring, byteCount: 4) == 0x5566_7788)
      #expect(fixture.device.readBAR(0, offset: ring + 4, byteCount: 4) == 0x1122_3344)
      fixture.device.writeBAR(0, offset: ring, byteCount: 4, value: 0xAABB_CCDD)
      #expect(fixture.device.readBAR(0, offset: ring, byteCount: 8) == 0x1122_3344_AABB_CCDD)
      fixture.device.writeBAR(0, offset: ring + 4, byteCount: 4, value: 0x99)
      #expect(fixture.device.readBAR(0, offset: ring, byteCount: 8) == 0x99_AABB_CCDD)
      let capacity = VextRegister.capacity
      #expect(fixture.device.readBAR(0, offset: capacity, byteCount: 4) == UInt64(Fixture.diskByteCount))
      #expect(fixture.device.readBAR(0, offset: capacity + 4, byteCount: 4) == 0)
    }

    @Test(
      arguments: [
        (0, 1), (0, 2), (1, 1), (2, 2), (2, 4), (4, 8), (1, 8), (6, 4), (7, 1), (0, 3), (0, 0), (0, 16),
      ] as [(UInt64, Int)])
    func `an access that is not to a whole register reads zero and changes nothing`(
      offset: UInt64, byteCount: Int
    ) throws {
      let fixture = try Self.makeFixture()
      fixture.driver.disable()
      let ring = VextRegister.queue(0, .submissionRing)
      fixture.device.writeBAR(0, offset: ring + offset, byteCount: byteCount, value: .max)
      #expect(fixture.device.readBAR(0, offset: ring, byteCount: 8) == fixture.driver.submissionRing)
      #expect(fixture.device.readBAR(0, offset: ring + offset, byteCount: byteCount) == 0)
      #expect(fixture.device.readBAR(0, offset: offset, byteCount: byteCount) == 0)
    }

    @Test func `read-only registers ignore writes, and control reads as zero`() throws {
      let fixture = try Self.makeFixture()
      for register in [VextQueueRegister.state, .error, .errorDetail] {
        fixture.driver.write(register, .max)
        #expect(fixture.driver.read(register) == (register == .state ? 1 : 0))
      }
      fixture.driver.write(.control, 2)
      #expect(fixture.driver.read(.control) == 0)
      #expect(fixture.driver.state == .enabled)
      fixture.device.writeBAR(0, offset: VextRegister.magic, byteCount: 4, value: 0)
      let magic = fixture.device.readBAR(0, offset: VextRegister.magic, byteCount: 4)
      #expect(magic == UInt64(VextRegister.magicValue))
    }

    @Test func `queues that do not exist, and other BARs, are not there`() throws {
      let fixture = try Self.makeFixture()
      let offsets: [UInt64] = [
        VextRegister.queue(3, .depth), VextRegister.barByteCount - 8, .max - 7, .max - 3,
      ]
      for offset in offsets {
        fixture.device.writeBAR(0, offset: offset, byteCount: 4, value: 1)
        #expect(fixture.device.readBAR(0, offset: offset, byteCount: 4) == 0)
      }
      fixture.device.writeBAR(1, offset: VextRegister.reset, byteCount: 4, value: 1)
      #expect(fixture.driver.state == .enabled)
      #expect(fixture.device.readBAR(1, offset: VextRegister.magic, byteCount: 4) == 0)
    }
  }
}
