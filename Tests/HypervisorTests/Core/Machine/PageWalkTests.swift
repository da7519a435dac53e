import HostSystem
import Hypervisor
import Testing
import VextProtocol

/// Page tables of every shape, sound and not, walked for a dump.
@Suite struct PageWalkTests {
  private static let root: UInt64 = 0x1000
  private static let lme: UInt64 = 1 << 10
  private static let pae: UInt64 = 1 << 5
  private static let paging: UInt64 = 1 << 31

  private let memory: GuestMemory

  init() throws { memory = try GuestMemory(byteCount: 1 << 20) }

  private func walk(_ address: UInt64, cr0: UInt64 = paging, cr4: UInt64 = pae, efer: UInt64 = lme)
    -> PageWalk
  {
    PageWalk(address, paging: .init(cr0: cr0, cr3: Self.root, cr4: cr4, efer: efer), memory: memory)
  }

  private func store(_ entry: UInt64, _ table: UInt64, _ index: UInt64) throws {
    try memory.store(entry, at: GuestAddress(table + index * 8))
  }

  @Test func `without paging an address is itself, in 32 bits`() {
    #expect(
      walk(0xFFFF_FFF0, cr0: 0, cr4: 0, efer: 0).outcome
        == .mapped(physical: GuestAddress(0xFFFF_FFF0), pageByteCount: 0))
    #expect(walk(0x1_0000_0010, cr0: 0, cr4: 0, efer: 0).physical == GuestAddress(0x10))
  }

  @Test func `four levels lead to a page of 4 KiB, entry by entry`() throws {
    try store(0x2003, 0x1000, 511)
    try store(0x3003, 0x2000, 510)
    try store(0x4003, 0x3000, 2)
    try store(0x8000_0000_0000_9003, 0x4000, 3)
    let result = walk(0xFFFF_FFFF_8040_3123)
    #expect(result.outcome == .mapped(physical: GuestAddress(0x9123), pageByteCount: 4096))
    #expect(result.steps.map(\.table) == ["PML4", "PDPT", "PD", "PT"])
    #expect(result.steps.map(\.address.rawValue) == [0x1FF8, 0x2FF0, 0x3010, 0x4018])
    #expect(result.steps.last?.entry == 0x8000_0000_0000_9003)
  }

  @Test func `pages of 2 MiB and 1 GiB end the walk early`() throws {
    try store(0x2003, 0x1000, 0)
    try store(0x3003, 0x2000, 0)
    try store(0x4000_0083, 0x2000, 1)
    try store(0x60_0083, 0x3000, 1)
    #expect(walk(0x21_2345).outcome == .mapped(physical: GuestAddress(0x61_2345), pageByteCount: 2 << 20))
    #expect(
      walk(0x4765_4321).outcome == .mapped(physical: GuestAddress(0x4765_4321), pageByteCount: 1 << 30))
  }

  @Test func `five levels take nine bits more`() throws {
    try store(0x2003, 0x1000, 1)
    try store(0x3003, 0x2000, 0)
    try store(0x83, 0x3000, 0)
    let result = walk(1 << 48 | 0x42, cr4: Self.pae | 1 << 12)
    #expect(result.steps.map(\.table) == ["PML5", "PML4", "PDPT"])
    #expect(result.physical == GuestAddress(0x42))
    #expect(walk(1 << 56, cr4: Self.pae | 1 << 12).outcome == .nonCanonical)
  }

  @Test func `PAE has four entries at the top`() throws {
    try store(0x2001, 0x1000, 3)
    try store(0x3003, 0x2000, 0)
    try store(0x5003, 0x3000, 0)
    let result = walk(0xC000_0008, efer: 0)
    #expect(result.steps.map(\.table) == ["PDPT", "PD", "PT"])
    #expect(result.physical == GuestAddress(0x5008))
  }

  @Test func `32-bit paging has entries of four bytes and pages of 4 MiB`() throws {
    try memory.store(0x2003 as UInt32, at: GuestAddress(0x1000))
    try memory.store(0x7003 as UInt32, at: GuestAddress(0x2004))
    try memory.store(0x0080_2083 as UInt32, at: GuestAddress(0x1004))
    #expect(walk(0x1020, cr4: 0, efer: 0).physical == GuestAddress(0x7020))
    // Bits 20...13 of a large page's entry are bits 39...32 of the address.
    #expect(
      walk(0x40_0020, cr4: 1 << 4, efer: 0).outcome
        == .mapped(physical: GuestAddress(0x1_0080_0020), pageByteCount: 4 << 20))
    // Without the extension, the entry names a table, which is beyond RAM here.
    #expect(
      walk(0x40_0020, cr4: 0, efer: 0).outcome == .tableOutsideMemory(GuestAddress(0x80_2000)))
  }

  @Test func `an entry that is not present ends the walk`() throws {
    try store(0x2003, 0x1000, 0)
    let result = walk(0x1000)
    #expect(result.outcome == .notPresent)
    #expect(result.steps.map(\.entry) == [0x2003, 0])
  }

  @Test func `a table outside of RAM ends the walk`() throws {
    try store(0x000F_FFFF_FFFF_F003, 0x1000, 0)
    #expect(walk(0x20_0000).outcome == .tableOutsideMemory(GuestAddress(0x000F_FFFF_FFFF_F000)))
    #expect(walk(0x20_0000).physical == nil)
  }

  @Test func `an address with arbitrary upper bits translates to nil`() {
    #expect(walk(0x0000_8000_0000_0000).outcome == .nonCanonical)
    #expect(walk(0xFFFF_8000_0000_0000).outcome == .notPresent)
  }

  @Test func `random tables and registers never trap`() throws {
    var generator = SplitMix64(seed: 5)
    for _ in 0..<2000 {
      let words = (0..<64).map { _ in generator.next() & 0x800F_0000_000F_FFFF | 1 }
      for word in words { try store(word, generator.next() & 0xFF000, generator.next() & 511) }
      let result = PageWalk(
        generator.next(),
        paging: .init(
          cr0: generator.next(), cr3: generator.next() & 0xFF_FFFF, cr4: generator.next(),
          efer: generator.next()), memory: memory)
      #expect(result.steps.count <= 5)
    }
  }
}
