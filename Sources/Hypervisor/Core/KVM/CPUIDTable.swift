import CKVM

/// A vCPU's CPUID leaves, in KVM's form: a header of 8 bytes, then entries (struct kvm_cpuid2).
struct CPUIDTable {
  private static let headerByteCount = MemoryLayout<kvm_cpuid2>.size
  private var storage: [UInt64]

  init(capacity: Int) {
    let byteCount = Self.headerByteCount + capacity * MemoryLayout<kvm_cpuid_entry2>.stride
    storage = [UInt64](repeating: 0, count: (byteCount + 7) / 8)
    storage[0] = UInt64(capacity)
  }

  /// Makes a table of `leaves`.
  init(_ leaves: [kvm_cpuid_entry2]) {
    self.init(capacity: leaves.count)
    var remaining = leaves[...]
    updateEach { entry in
      if let leaf = remaining.popFirst() { entry = leaf }
    }
  }

  /// A copy of the leaves.
  var leaves: [kvm_cpuid_entry2] {
    var copy = self
    var leaves: [kvm_cpuid_entry2] = []
    copy.updateEach { leaves.append($0) }
    return leaves
  }

  mutating func withUnsafeTable(_ body: (UnsafeMutableRawPointer) -> Int32) -> Int32 {
    unsafe storage.withUnsafeMutableBytes { buffer in
      guard let base = buffer.baseAddress else { return -22 }
      return unsafe body(base)
    }
  }

  /// Calls `change` for each leaf.
  mutating func updateEach(_ change: (inout kvm_cpuid_entry2) -> Void) {
    let count = Int(UInt32(truncatingIfNeeded: storage[0]))
    unsafe storage.withUnsafeMutableBytes { buffer in
      // SAFETY: the kernel never reports more entries than the capacity it was given, which the storage holds.
      let entries = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[Self.headerByteCount...])
        .bindMemory(to: kvm_cpuid_entry2.self)
      for index in 0..<min(count, entries.count) { unsafe change(&entries[index]) }
    }
  }
}
