import CKVM

/// A vCPU's CPUID leaves, in KVM's form (struct kvm_cpuid2).
struct CPUIDTable {
  /// An entry for each leaf: seven numbers of 32 bits, then padding (struct kvm_cpuid_entry2).
  var table: KVMTable

  init(capacity: Int) {
    table = KVMTable(wordsPerEntry: MemoryLayout<kvm_cpuid_entry2>.stride / 8, count: capacity)
  }

  /// Makes a table of `leaves`.
  init(_ leaves: [kvm_cpuid_entry2]) {
    self.init(capacity: leaves.count)
    for (index, leaf) in leaves.enumerated() { set(leaf, at: index) }
  }

  /// A copy of the leaves.
  var leaves: [kvm_cpuid_entry2] { (0..<table.count).map(leaf) }

  /// Calls `change` for each leaf.
  mutating func updateEach(_ change: (inout kvm_cpuid_entry2) -> Void) {
    for index in 0..<table.count {
      var entry = leaf(index)
      change(&entry)
      set(entry, at: index)
    }
  }

  private func leaf(_ index: Int) -> kvm_cpuid_entry2 {
    var entry = kvm_cpuid_entry2()
    (entry.function, entry.index) = Self.halves(table[index, 0])
    (entry.flags, entry.eax) = Self.halves(table[index, 1])
    (entry.ebx, entry.ecx) = Self.halves(table[index, 2])
    entry.edx = Self.halves(table[index, 3]).0
    return entry
  }

  private mutating func set(_ entry: kvm_cpuid_entry2, at index: Int) {
    table[index, 0] = UInt64(entry.function) | UInt64(entry.index) << 32
    table[index, 1] = UInt64(entry.flags) | UInt64(entry.eax) << 32
    table[index, 2] = UInt64(entry.ebx) | UInt64(entry.ecx) << 32
    table[index, 3] = UInt64(entry.edx)
  }

  private static func halves(_ word: UInt64) -> (UInt32, UInt32) {
    (UInt32(truncatingIfNeeded: word), UInt32(truncatingIfNeeded: word >> 32))
  }
}
