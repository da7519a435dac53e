import HostSystem
import Hypervisor
import SystemPackage
import Testing
import VextProtocol

/// RAM and its translation. Nothing here becomes resident but the pages that are touched.
@Suite struct GuestMemoryTests {
  private static let mebibyte: UInt64 = 1 << 20
  private static let gibibyte: UInt64 = 1 << 30

  @Test func `small RAM is one region from zero`() throws {
    let memory = try GuestMemory(byteCount: 8 * Self.mebibyte)
    #expect(memory.regions.count == 1)
    #expect(memory.regions[0].start == GuestAddress(0))
    #expect(memory.regions[0].byteCount == 8 * Self.mebibyte)
  }

  @Test func `RAM of 5 GiB leaves out the PCI hole and goes on at 4 GiB`() throws {
    let memory = try GuestMemory(byteCount: 5 * Self.gibibyte)
    let regions = memory.regions
    #expect(regions.map(\.start) == [GuestAddress(0), GuestAddress(4 * Self.gibibyte)])
    #expect(regions.map(\.byteCount) == [3 * Self.gibibyte, 2 * Self.gibibyte])
    // The second region continues the first one's memory.
    #expect(regions[1].host.rawValue == regions[0].host.rawValue + 3 * Self.gibibyte)
    try memory.store(0xAB as UInt8, at: GuestAddress(3 * Self.gibibyte - 1))
    try memory.store(0xCD as UInt8, at: GuestAddress(4 * Self.gibibyte))
    try memory.store(0xEF as UInt8, at: GuestAddress(6 * Self.gibibyte - 1))
    #expect(try memory.load(UInt8.self, at: GuestAddress(3 * Self.gibibyte - 1)) == 0xAB)
    #expect(try memory.load(UInt8.self, at: GuestAddress(4 * Self.gibibyte)) == 0xCD)
    #expect(try memory.load(UInt8.self, at: GuestAddress(6 * Self.gibibyte - 1)) == 0xEF)
    // Three pages were touched; even as huge pages they are little.
    #expect(try memory.residentByteCount() <= 6 << 20)
  }

  @Test func `RAM up to the hole has no second region`() throws {
    let memory = try GuestMemory(byteCount: GuestMemory.pciHoleStart)
    #expect(memory.regions.count == 1)
    #expect(unsafe memory.map.hostPointer(GuestAddress(GuestMemory.highStart), byteCount: 1) == nil)
    let larger = try GuestMemory(byteCount: GuestMemory.pciHoleStart + GuestMemory.pageByteCount)
    #expect(larger.regions.map(\.byteCount) == [GuestMemory.pciHoleStart, GuestMemory.pageByteCount])
  }

  @Test(arguments: [0, 1, 4095, 4097, 1 << 47] as [UInt64])
  func `RAM comes in whole pages and within reason`(byteCount: UInt64) {
    #expect(throws: Errno.invalidArgument) { try GuestMemory(byteCount: byteCount) }
  }

  /// Runs that lie in the RAM of a guest of 5 GiB.
  @Test(
    arguments: [
      (0, 1), (0, 0), (0, 3 << 30), (0xBFFF_FFFF, 1), (0xC000_0000, 0), (0x1_0000_0000, 2 << 30),
      (0x1_7FFF_FFF8, 8), (0x1_8000_0000, 0),
    ] as [(UInt64, UInt64)])
  func `a run within a region is translated`(address: UInt64, byteCount: UInt64) throws {
    let memory = try GuestMemory(byteCount: 5 * Self.gibibyte)
    guard let host = unsafe memory.map.hostPointer(GuestAddress(address), byteCount: byteCount) else {
      Issue.record("not translated")
      return
    }
    let offset = address >= GuestMemory.highStart ? address - Self.gibibyte : address
    let hostAddress = UInt64(UInt(bitPattern: host))
    #expect(hostAddress == memory.regions[0].host.rawValue + offset)
  }

  /// Runs that do not.
  @Test(
    arguments: [
      (0xBFFF_FFFF, 2), (0xC000_0000, 1), (0xBFFF_F000, 0x1_0000_0000), (0xFFFF_FFFF, 1), (0xFFFF_FFFF, 2),
      (0, (3 << 30) + 1), (0x1_7FFF_FFF8, 9), (0x1_8000_0000, 1), (0x1_8000_0001, 0), (.max, 1), (.max, 2),
      (.max, .max), (0 &- 4096, 8192), (0, .max), (1, .max), (0x1_0000_0000, .max), (1 << 63, 1),
    ] as [(UInt64, UInt64)])
  func `a run that leaves its region is refused`(address: UInt64, byteCount: UInt64) throws {
    let memory = try GuestMemory(byteCount: 5 * Self.gibibyte)
    #expect(unsafe memory.map.hostPointer(GuestAddress(address), byteCount: byteCount) == nil)
  }

  @Test func `copies that leave RAM throw and change nothing`() throws {
    let memory = try GuestMemory(byteCount: Self.mebibyte)
    let last = GuestAddress(Self.mebibyte - 4)
    #expect(throws: GuestMemoryError.outsideMemory(last, byteCount: 5)) {
      try memory.write([1, 2, 3, 4, 5], at: last)
    }
    #expect(try memory.read(4, at: last) == [0, 0, 0, 0])
    #expect(throws: GuestMemoryError.outsideMemory(last, byteCount: 5)) { try memory.read(5, at: last) }
    #expect(throws: GuestMemoryError.self) { try memory.read(-1, at: GuestAddress(0)) }
    #expect(throws: GuestMemoryError.outsideMemory(last, byteCount: 8)) {
      try memory.load(UInt64.self, at: last)
    }
    #expect(throws: GuestMemoryError.outsideMemory(last, byteCount: 8)) {
      try memory.store(1 as UInt64, at: last)
    }
    try memory.write([1, 2, 3, 4], at: last)
    #expect(try memory.load(UInt32.self, at: last) == 0x0403_0201)
  }

  @Test func `integers of any alignment are little-endian`() throws {
    let memory = try GuestMemory(byteCount: Self.mebibyte)
    try memory.store(0x1122_3344_5566_7788 as UInt64, at: GuestAddress(3))
    #expect(try memory.read(8, at: GuestAddress(3)) == [0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11])
    #expect(try memory.load(UInt16.self, at: GuestAddress(5)) == 0x5566)
  }

  @Test func `shared words need alignment and RAM`() throws {
    let memory = try GuestMemory(byteCount: Self.mebibyte)
    for (address, wordCount) in [(4, 1), (Self.mebibyte, 1), (Self.mebibyte - 8, 2), (0, -1), (0, .max)]
      as [(UInt64, Int)]
    {
      #expect(throws: GuestMemoryError.self) {
        unsafe _ = try memory.sharedWords(at: GuestAddress(address), wordCount: wordCount)
      }
    }
    let words = try unsafe memory.sharedWords(at: GuestAddress(Self.mebibyte - 8), wordCount: 1)
    unsafe words.storeReleasing(0, 7)
    #expect(try memory.load(UInt64.self, at: GuestAddress(Self.mebibyte - 8)) == 7)
  }

  @Test func `prefaulting makes all of it resident`() throws {
    let memory = try GuestMemory(byteCount: 4 * Self.mebibyte)
    #expect(try memory.residentByteCount() == 0)
    try memory.prefault()
    #expect(try memory.residentByteCount() == 4 << 20)
  }
}
