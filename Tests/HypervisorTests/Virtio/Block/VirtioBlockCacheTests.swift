import Hypervisor
import Testing
import VextProtocol

/// The cache's mode: who may switch it, and that writes arrive in both.
@Suite struct VirtioBlockCacheTests {
  private typealias Request = VirtioBlockFixture.Request
  private static let flushFeature: UInt64 = 1 << 9

  /// The writeback field (virtio 1.2 §5.2.4).
  private static func mode(_ fixture: VirtioBlockFixture) -> UInt64 {
    fixture.driver.bus.read(fixture.driver.deviceBase + 32, byteCount: 1)
  }

  @Test(arguments: TestedEngines.movers)
  func `without FLUSH the device writes through`(engine: BlockEngineKind) throws {
    let fixture = try VirtioBlockFixture(engine: engine)
    #expect(Self.mode(fixture) == 0)
    let data = [UInt8](repeating: 0x5A, count: 1024)
    #expect(try fixture.request(Request.out, sector: 3, out: data)?.status == 0)
    #expect(fixture.disk.read(3 * 512, 1024) == data)
    fixture.driver.setStatus(0)
    #expect(Self.mode(fixture) == 1)
  }

  @Test(arguments: TestedEngines.movers)
  func `with FLUSH it writes back, and the driver may switch`(engine: BlockEngineKind) throws {
    let fixture = try VirtioBlockFixture(
      engine: engine, features: VirtioBlockFixture.version1Feature | Self.flushFeature | 1 << 11)
    #expect(Self.mode(fixture) == 1)
    for (sector, mode) in [(1, 0), (2, 1)] as [(UInt64, UInt64)] {
      fixture.driver.bus.write(fixture.driver.deviceBase + 32, byteCount: 1, value: mode)
      #expect(Self.mode(fixture) == mode)
      let data = [UInt8](repeating: UInt8(mode) + 1, count: 512)
      #expect(try fixture.request(Request.out, sector: sector, out: data)?.status == 0)
      #expect(fixture.disk.read(Int(sector) * 512, 512) == data)
    }
    // Nothing else of the configuration can be written.
    fixture.driver.bus.write(fixture.driver.deviceBase + 32, byteCount: 2, value: 0)
    fixture.driver.bus.write(fixture.driver.deviceBase, byteCount: 1, value: 0xFF)
    #expect(Self.mode(fixture) == 1)
    let capacity = UInt64(VirtioBlockFixture.diskByteCount / 512)
    #expect(fixture.driver.bus.read(fixture.driver.deviceBase, byteCount: 8) == capacity)
  }
}
