import Glibc
import HostSystem
import SystemPackage
import Testing
import VextProtocol

@testable import VextClient

struct PhysicalMapTests {
  private static let present: UInt64 = 1 << 63

  private func addresses(_ entries: [UInt64], firstPage: UInt = 3, pages: Int? = nil) throws -> [UInt64] {
    let folder = TemporaryFolder.makeOrTrap()
    let all = [UInt64](repeating: 0, count: Int(firstPage)) + entries
    let path = folder.make("pagemap", all.flatMap { word in (0..<8).map { UInt8(word >> ($0 * 8) & 0xFF) } })
    let file = try OwnedDescriptor.open(path, flags: O_RDONLY)
    return try PhysicalMap.addresses(
      address: firstPage * 4096, byteCount: (pages ?? entries.count) * 4096, pagemap: file)
  }

  @Test func `frames become addresses, and neighbours become one run`() throws {
    // The soft-dirty and exclusive bits are not the frame's.
    let pages = try addresses([
      Self.present | 0x10, Self.present | 1 << 55 | 0x11, Self.present | 1 << 56 | 0x20,
    ])
    #expect(pages == [0x10000, 0x11000, 0x20000])
    let map = PhysicalMap(pages: pages)
    #expect(map.runCount == 2)
    #expect(map.run(at: 0x800) == (0x10800, 0x1800))
    #expect(map.run(at: 0x1000) == (0x11000, 0x1000))
    #expect(map.run(at: 0x2FFF) == (0x20FFF, 1))
    #expect(map.offset(of: 0x20000) == 0x2000)
    #expect(map.offset(of: 0x30000) == nil)
  }

  @Test func `frame numbers that the kernel hides are named as such`() {
    #expect(throws: VextClientError.addressesHidden) { try addresses([Self.present, Self.present]) }
  }

  @Test func `a page that is not present is refused as memory for a device`() {
    #expect(throws: VextClientError.system("page not present", .badAddress)) {
      try addresses([Self.present | 1, 0])
    }
  }

  @Test func `a pagemap that ends early is an error`() {
    #expect(throws: VextClientError.system("/proc/self/pagemap", .ioError)) {
      try addresses([Self.present | 1], pages: 2)
    }
  }

  @Test func `the granule is the largest block that fits every run`() {
    #expect(PhysicalMap(pages: [0x10000, 0x11000, 0x20000]).granule == 0x1000)
    #expect(PhysicalMap(pages: (0..<512).map { 0x20_0000 + $0 * 4096 }).granule == 0x20_0000)
    #expect(PhysicalMap(pages: (0..<16).map { 0x8000 + $0 * 4096 }).granule == 0x8000)
  }
}
