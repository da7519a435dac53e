import CKVM
import Testing

@testable import Hypervisor

/// Tables of entries as KVM takes and fills them.
@Suite struct KVMTableTests {
  @Test func `a table begins with its count, and its entries follow`() {
    var table = KVMTable(wordsPerEntry: 2, count: 3)
    table[2, 1] = 7
    #expect(table.count == 3)
    #expect(table.encoded == [3, 0, 0, 0, 0, 0, 7])
  }

  @Test func `the leaves of a CPUID table come back as they were`() {
    var leaf = kvm_cpuid_entry2()
    (leaf.function, leaf.index, leaf.flags) = (1, 2, 3)
    (leaf.eax, leaf.ebx, leaf.ecx, leaf.edx) = (0x8000_0004, 5, 6, 7)
    var table = CPUIDTable([leaf, kvm_cpuid_entry2()])
    table.updateEach { $0.edx += 1 }
    let leaves = table.leaves
    #expect(leaves.count == 2)
    #expect([leaves[0].function, leaves[0].index, leaves[0].flags] == [1, 2, 3])
    #expect([leaves[0].eax, leaves[0].ebx, leaves[0].ecx, leaves[0].edx] == [0x8000_0004, 5, 6, 8])
    #expect(leaves[1].edx == 1)
    // struct kvm_cpuid2: a count and padding; entries of 40 bytes.
    #expect(table.table.encoded.count == 1 + 2 * 5)
    #expect(table.table.encoded[1] == 0x0000_0002_0000_0001)
  }
}
