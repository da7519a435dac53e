import CKVM

extension CPUIDTable {
  /// Leaf 1, ECX and EDX (Intel SDM vol. 2A, CPUID).
  private enum Feature {
    static let vmx: UInt32 = 1 << 5
    static let x2APIC: UInt32 = 1 << 21
    static let hypervisor: UInt32 = 1 << 31
    static let hyperThreading: UInt32 = 1 << 28
  }

  /// Leaf 80000001h, ECX (AMD APM vol. 3, appendix E).
  private enum ExtendedFeature {
    static let legacyMultiCore: UInt32 = 1 << 1
    static let svm: UInt32 = 1 << 2
    static let corePerformanceCounters: UInt32 = 1 << 23
  }

  /// Levels of leaves Bh and 1Fh.
  private enum Level {
    static let thread: UInt32 = 1 << 8
    static let core: UInt32 = 2 << 8
  }

  /// Describes one socket with `coreCount` cores of one thread each to the core `apicID`.
  ///
  /// The table offers neither virtualization nor performance counters, because this hypervisor does not virtualize them.
  mutating func describe(apicID: UInt32, coreCount: UInt32) {
    let isAMD = leaves.contains { $0.function == 0 && $0.ecx == 0x444D_4163 }  // "cAMD"
    let idBitCount = UInt32(32 - (coreCount - 1).leadingZeroBitCount)
    updateEach { leaf in
      switch leaf.function {
      case 1:
        leaf.ebx = leaf.ebx & 0xFFFF | min(1 << idBitCount, 255) << 16 | apicID << 24
        leaf.ecx = leaf.ecx & ~Feature.vmx | Feature.x2APIC | Feature.hypervisor
        leaf.edx = coreCount > 1 ? leaf.edx | Feature.hyperThreading : leaf.edx & ~Feature.hyperThreading
      case 4: Self.setSharing(&leaf, coreCount: coreCount, idBitCount: idBitCount)
      case 0xA, 0x8000_000A, 0x8000_0022: Self.clear(&leaf)
      case 0x8000_0001:
        leaf.ecx &= ~(ExtendedFeature.svm | ExtendedFeature.corePerformanceCounters)
        leaf.ecx &= ~ExtendedFeature.legacyMultiCore
        if isAMD, coreCount > 1 { leaf.ecx |= ExtendedFeature.legacyMultiCore }
      case 0x8000_0008 where isAMD: leaf.ecx = idBitCount << 12 | (coreCount - 1)
      case 0x8000_001D:
        // Bits 25...14: how many share the cache, less one; the third level is the socket's.
        leaf.eax &= ~(0xFFF << 14)
        if leaf.eax >> 5 & 7 == 3 { leaf.eax |= (coreCount - 1) << 14 }
      case 0x8000_001E:
        (leaf.eax, leaf.ebx, leaf.ecx) = (apicID, apicID & 0xFF, 0)  // one thread a core, one node
      default: break
      }
    }
    setTopologyLeaves(apicID: apicID, coreCount: coreCount, idBitCount: idBitCount)
  }

  /// Leaf 4: each core has its own caches of the first two levels; all cores share the third level.
  private static func setSharing(_ leaf: inout kvm_cpuid_entry2, coreCount: UInt32, idBitCount: UInt32) {
    guard leaf.eax & 0x1F != 0 else { return }
    let sharing = leaf.eax >> 5 & 7 == 3 ? (1 << idBitCount) - 1 : 0 as UInt32
    leaf.eax = leaf.eax & 0x3FFF | sharing << 14 | min((1 << idBitCount) - 1, 63) << 26
  }

  private static func clear(_ leaf: inout kvm_cpuid_entry2) {
    (leaf.eax, leaf.ebx, leaf.ecx, leaf.edx) = (0, 0, 0, 0)
  }

  /// Replaces leaves Bh and 1Fh, if the processor has them.
  private mutating func setTopologyLeaves(apicID: UInt32, coreCount: UInt32, idBitCount: UInt32) {
    let before = leaves
    let highest = before.first { $0.function == 0 }?.eax ?? 0
    var after = before.filter { $0.function != 0xB && $0.function != 0x1F }
    for function in [0xB, 0x1F] as [UInt32] where function <= highest {
      let levels: [(shift: UInt32, count: UInt32, level: UInt32)] = [
        (0, 1, Level.thread), (idBitCount, coreCount, Level.core), (0, 0, 0),
      ]
      for (index, level) in levels.enumerated() {
        var leaf = kvm_cpuid_entry2()
        leaf.function = function
        leaf.index = UInt32(index)
        leaf.flags = UInt32(KVM_CPUID_FLAG_SIGNIFCANT_INDEX)
        leaf.eax = level.shift
        leaf.ebx = level.count
        leaf.ecx = level.level | UInt32(index)
        leaf.edx = apicID
        after.append(leaf)
      }
    }
    self = CPUIDTable(after)
  }
}
