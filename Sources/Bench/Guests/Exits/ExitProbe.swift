/// A tracepoint of KVM, and which of its passages a counter takes.
struct ExitProbe: Equatable, Sendable {
  /// What is counted.
  let counter: ExitCounter
  /// Where.
  let tracepoint: Tracepoint
  /// Which passages, in the kernel's language of event filters; nil: all.
  let filter: String?

  /// KVM's tracepoints, by their names below events/kvm of tracefs.
  enum Tracepoint: String, CaseIterable, Sendable {
    case exit = "kvm_exit"
    case msr = "kvm_msr"
    case mmio = "kvm_mmio"
    case fastMMIO = "kvm_fast_mmio"
    case userspaceExit = "kvm_userspace_exit"
    case pio = "kvm_pio"
    case cpuid = "kvm_cpuid"
    case hypercall = "kvm_hypercall"
    case pageFault = "kvm_page_fault"
    case injectedException = "kvm_inj_exception"
  }

  /// What is counted on `platform`, in a fixed order.
  static func all(on platform: ExitPlatform) -> [ExitProbe] {
    switch platform {
    case .vmx: reasons(vmx) + apicWrites + accesses
    case .svm: reasons(svm) + exceptions + accesses
    case .software: software + accesses
    }
  }

  private init(_ counter: ExitCounter, _ tracepoint: Tracepoint, _ filter: String? = nil) {
    self.counter = counter
    self.tracepoint = tracepoint
    self.filter = filter
  }

  private static func reasons(_ reasons: [(ExitCounter, [String])]) -> [ExitProbe] {
    [ExitProbe(.exit, .exit)]
      + reasons.map { counter, numbers in
        ExitProbe(counter, .exit, numbers.map { "exit_reason == \($0)" }.joined(separator: " || "))
      }
  }

  /// EXIT_REASON_* of the kernel's asm/vmx.h.
  private static let vmx: [(ExitCounter, [String])] = [
    (.exception, ["0"]), (.externalInterrupt, ["1"]), (.interruptWindow, ["7", "8"]), (.cpuid, ["10"]),
    (.halt, ["12"]),
    (.hypercall, ["18"]), (.port, ["30"]), (.register, ["31", "32", "84", "85"]), (.pause, ["40"]),
    // APIC_ACCESS, EPT_VIOLATION, EPT_MISCONFIG.
    (.memory, ["44", "48", "49"]),
    (.inducedEOI, ["45"]), (.preemptionTimer, ["52"]),
  ]

  /// SVM_EXIT_* of the kernel's asm/svm.h.
  private static let svm: [(ExitCounter, [String])] = [
    // INTR, NMI, SMI.
    (.externalInterrupt, ["0x60", "0x61", "0x62"]), (.interruptWindow, ["0x64"]), (.cpuid, ["0x72"]),
    (.pause, ["0x77"]),
    // HLT, IDLE_HLT.
    (.halt, ["0x78", "0xa6"]), (.port, ["0x7b"]), (.register, ["0x7c"]), (.hypercall, ["0x81"]),
    // A page fault without nested paging, NPF.
    (.memory, ["0x4e", "0x400"]),
  ]

  /// SVM_EXIT_EXCP_BASE and the 31 after it, but for the page fault.
  private static let exceptions = [
    ExitProbe(.exception, .exit, "exit_reason >= 0x40 && exit_reason <= 0x5f && exit_reason != 0x4e")
  ]

  /// What VMX reports after a write to its own APIC page: `info1` is the register.
  private static let apicWrites = [
    ExitProbe(.apicTimerWrite, .exit, "exit_reason == 56 && info1 == 0x380"),
    ExitProbe(.apicIPIWrite, .exit, "exit_reason == 56 && info1 == 0x300"),
  ]

  private static let software = [
    ExitProbe(.port, .pio), ExitProbe(.cpuid, .cpuid), ExitProbe(.hypercall, .hypercall),
    ExitProbe(.register, .msr), ExitProbe(.memory, .pageFault),
    ExitProbe(.exception, .injectedException),
  ]

  /// What happened to registers: of the local APIC as MSRs (x2APIC) and in memory (xAPIC), and of devices.
  private static let accesses = [
    ExitProbe(.eoiRegister, .msr, "write == 1 && ecx == 0x80b"),
    // IA32_TSC_DEADLINE, the initial count.
    ExitProbe(.timerRegister, .msr, "write == 1 && (ecx == 0x6e0 || ecx == 0x838)"),
    // ICR, SELF_IPI.
    ExitProbe(.ipiRegister, .msr, "write == 1 && (ecx == 0x830 || ecx == 0x83f)"),
    ExitProbe(.eoiWrite, .mmio, "type == 2 && gpa == 0xfee000b0"),
    ExitProbe(.timerWrite, .mmio, "type == 2 && gpa == 0xfee00380"),
    ExitProbe(.ipiWrite, .mmio, "type == 2 && (gpa == 0xfee00300 || gpa == 0xfee00310)"),
    // All but the I/O APIC's and the local APIC's.
    ExitProbe(.deviceWrite, .mmio, "type == 2 && (gpa < 0xfec00000 || gpa >= 0xfef00000)"),
    // A read that KVM passes to user space comes twice: unsatisfied (0), and once it has been answered.
    ExitProbe(.access, .mmio, "type != 0"),
    ExitProbe(.unsatisfiedRead, .mmio, "type == 0"),
    ExitProbe(.fastWrite, .fastMMIO),
    // KVM_EXIT_MMIO; `errno` tells a signal.
    ExitProbe(.userAccess, .userspaceExit, "reason == 6 && errno == 0"),
  ]
}

/// What tracepoints count of a guest.
enum ExitCounter: CaseIterable, Sendable {
  /// All vmexits.
  case exit
  /// vmexits of one cause, by their reason.
  case interruptWindow, halt, cpuid, pause, externalInterrupt, hypercall, port, exception, preemptionTimer,
    inducedEOI
  /// Accesses to model-specific registers.
  case register
  /// Faults of guest memory: those of pages, and accesses to devices.
  case memory
  /// Writes to the local APIC's registers as model-specific registers.
  case eoiRegister, timerRegister, ipiRegister
  /// Writes to the local APIC's registers in memory.
  case eoiWrite, timerWrite, ipiWrite
  /// Writes to them that the processor itself carried out first.
  case apicTimerWrite, apicIPIWrite
  /// Accesses to devices in memory: all; writes outside of interrupt controllers; reads that KVM passed to user space; writes to an
  /// ioeventfd of any length; accesses that user space answered.
  case access, deviceWrite, unsatisfiedRead, fastWrite, userAccess
}
