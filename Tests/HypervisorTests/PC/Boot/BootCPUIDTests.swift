import CKVM
import Testing

@testable import Hypervisor

/// The processor that a kernel sees.
@Suite struct BootCPUIDTests {
  private static let amd: (UInt32, UInt32, UInt32) = (0x6874_7541, 0x444D_4163, 0x6974_6E65)
  private static let intel: (UInt32, UInt32, UInt32) = (0x756E_6547, 0x6C65_746E, 0x4965_6E69)

  private func leaf(
    _ function: UInt32, _ index: UInt32 = 0, eax: UInt32 = 0, ebx: UInt32 = 0, ecx: UInt32 = 0,
    edx: UInt32 = 0
  ) -> kvm_cpuid_entry2 {
    var leaf = kvm_cpuid_entry2()
    (leaf.function, leaf.index) = (function, index)
    (leaf.eax, leaf.ebx, leaf.ecx, leaf.edx) = (eax, ebx, ecx, edx)
    return leaf
  }

  /// A processor that supports everything, as number `apicID` of `coreCount`.
  private func described(
    _ vendor: (UInt32, UInt32, UInt32), highest: UInt32 = 0x1F, apicID: UInt32, coreCount: UInt32
  ) -> CPUIDTable {
    var table = CPUIDTable([
      leaf(0, eax: highest, ebx: vendor.0, ecx: vendor.1, edx: vendor.2),
      leaf(1, ebx: 0x7F40_0801, ecx: .max, edx: 0),
      leaf(4, 0, eax: 0xFC00_4121), leaf(4, 3, eax: 0xFC00_4163), leaf(4, 4),
      leaf(0xA, eax: 0x0730_0405), leaf(0xB, 0, eax: 1, ebx: 2, ecx: 0x100, edx: 77),
      leaf(0x4000_0000, ebx: 0x4B4D_564B),
      leaf(0x8000_0001, ecx: .max), leaf(0x8000_0008, eax: 0x3030, ecx: 0x703F),
      leaf(0x8000_000A, eax: 1), leaf(0x8000_001D, 3, eax: 0x1_C163),
      leaf(0x8000_001E, eax: 5, ebx: 0x105, ecx: 0x100),
    ])
    table.describe(apicID: apicID, coreCount: coreCount)
    return table
  }

  private func find(_ table: CPUIDTable, _ function: UInt32, _ index: UInt32 = 0) throws -> kvm_cpuid_entry2 {
    try #require(table.leaves.first { $0.function == function && $0.index == index })
  }

  @Test func `leaf 1 has the vCPU's APIC ID, how many there are, and no VMX`() throws {
    let leaf = try find(described(Self.intel, apicID: 2, coreCount: 3), 1)
    #expect(leaf.ebx == 0x0204_0801)
    #expect(leaf.ecx == ~(1 << 5))
    #expect(leaf.edx == 1 << 28)
    let single = try find(described(Self.intel, apicID: 0, coreCount: 1), 1)
    #expect(single.ebx == 0x0001_0801)
    #expect(single.edx == 0)
    #expect(try find(described(Self.intel, apicID: 253, coreCount: 254), 1).ebx == 0xFDFF_0801)
  }

  @Test(arguments: [(1, 0), (2, 1), (3, 2), (4, 2), (64, 6), (254, 8)] as [(UInt32, UInt32)])
  func `leaves Bh and 1Fh show one socket of cores with one thread each`(coreCount: UInt32, shift: UInt32)
    throws
  {
    let table = described(Self.intel, apicID: coreCount - 1, coreCount: coreCount)
    for function in [0xB, 0x1F] as [UInt32] {
      let levels = table.leaves.filter { $0.function == function }
      #expect(levels.map(\.eax) == [0, shift, 0])
      #expect(levels.map(\.ebx) == [1, coreCount, 0])
      #expect(levels.map(\.ecx) == [0x100, 0x201, 2])
      #expect(levels.allSatisfy { $0.edx == coreCount - 1 && $0.flags == 1 })
      #expect((coreCount - 1) >> shift == 0)
    }
  }

  @Test func `a processor without leaf Bh gets none`() {
    let table = described(Self.amd, highest: 7, apicID: 0, coreCount: 2)
    #expect(!table.leaves.contains { $0.function == 0xB || $0.function == 0x1F })
  }

  @Test func `caches of the third level are shared, others are not`() throws {
    let table = described(Self.intel, apicID: 0, coreCount: 4)
    #expect(try find(table, 4, 0).eax == 0x0C00_0121)
    #expect(try find(table, 4, 3).eax == 0x0C00_C163)
    #expect(try find(table, 4, 4).eax == 0)
    #expect(try find(table, 0x8000_001D, 3).eax == 0xC163)
  }

  @Test func `AMD's leaves count the cores`() throws {
    let table = described(Self.amd, apicID: 3, coreCount: 6)
    #expect(try find(table, 0x8000_0008).ecx == 0x3005)
    let extended = try find(table, 0x8000_001E)
    #expect([extended.eax, extended.ebx, extended.ecx] == [3, 3, 0])
    #expect(try find(table, 0x8000_0001).ecx & 0b110 == 0b010)
  }

  @Test func `neither SVM nor performance counters are offered, and KVM's own leaves stay`() throws {
    let table = described(Self.amd, apicID: 0, coreCount: 1)
    #expect(try find(table, 0x8000_0001).ecx & (1 << 23 | 0b110) == 0)
    #expect(try find(table, 0x8000_000A).eax == 0)
    #expect(try find(table, 0xA).eax == 0)
    #expect(try find(table, 0x4000_0000).ebx == 0x4B4D_564B)
    #expect(try find(described(Self.intel, apicID: 0, coreCount: 2), 0x8000_0008).ecx == 0x703F)
  }
}
