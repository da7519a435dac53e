/// Why a vCPU left its guest.
enum ExitCause: String, CaseIterable, Sendable {
  /// The guest wrote to a register that KVM turns into a signal (ioeventfd): a virtqueue's notification, a doorbell.
  case notify
  /// The guest ended an interrupt at its local APIC.
  case eoi
  /// KVM waited until the guest could take an interrupt.
  case interruptWindow = "interrupt_window"
  /// The guest went idle.
  case halt = "hlt"
  /// The guest set its timer, or the processor's own timer (VMX) ran out in the timer's place.
  case timer
  /// The guest sent an interrupt to a vCPU.
  case ipi
  /// The guest used a port.
  case portIO = "port_io"
  /// The guest used a device's registers in another way.
  case mmio
  /// The guest used another model-specific register.
  case msr
  /// Memory was not mapped yet, or not writable.
  case pageFault = "page_fault"
  /// KVM took an exception of the guest's: few of them with VT-x and AMD-V, all of them with kvm_pvm.
  case exception
  /// The guest asked what its CPU can do.
  case cpuid
  /// A loop of PAUSE: the guest waits for a lock.
  case pause
  /// An interrupt of the host arrived, mostly its timer's.
  case externalInterrupt = "external_interrupt"
  /// The guest called KVM.
  case hypercall
  /// KVM counted an exit, and none of the others covers it.
  case other

  /// What results/SCHEMA.md says of its column.
  var meaning: String {
    switch self {
    case .notify:
      "exits by a write that KVM turned into a signal (ioeventfd): a virtqueue's notification, vext's doorbell. This column and those up to "
        + "`cause_other` are empty where causes were not counted, or the host does not tell this one; together they are `vmexits`"
    case .eoi: "exits by the end of an interrupt at the local APIC"
    case .interruptWindow: "exits because the guest became able to take an interrupt that waited"
    case .halt: "exits because the guest went idle (HLT)"
    case .timer:
      "exits because the guest set its timer (TSC deadline, or the APIC's initial count), or because VMX's preemption timer ran out in the timer's place"
    case .ipi: "exits by an interrupt from one vCPU to another (ICR)"
    case .portIO: "exits by port I/O"
    case .mmio:
      "exits by memory-mapped registers other than those of `cause_notify`, `cause_eoi`, `cause_timer` and `cause_ipi`"
    case .msr:
      "exits by model-specific registers other than those of `cause_eoi`, `cause_timer` and `cause_ipi`"
    case .pageFault: "exits by memory that KVM had not mapped yet, or not writable"
    case .exception:
      "exits by exceptions of the guest that KVM takes: few with VT-x and AMD-V, all with `pvm`, where the HLT of a micro guest's program raises one"
    case .cpuid: "exits by CPUID"
    case .pause: "exits by loops of PAUSE"
    case .externalInterrupt: "exits by the host's interrupts"
    case .hypercall: "exits by hypercalls"
    case .other: "`vmexits` less all other causes"
    }
  }

  /// The column that counts it.
  var column: ColumnPath<UInt64?> {
    switch self {
    case .notify: \.causeNotify
    case .eoi: \.causeEOI
    case .interruptWindow: \.causeInterruptWindow
    case .halt: \.causeHalt
    case .timer: \.causeTimer
    case .ipi: \.causeIPI
    case .portIO: \.causePortIO
    case .mmio: \.causeMMIO
    case .msr: \.causeMSR
    case .pageFault: \.causePageFault
    case .exception: \.causeException
    case .cpuid: \.causeCPUID
    case .pause: \.causePause
    case .externalInterrupt: \.causeExternalInterrupt
    case .hypercall: \.causeHypercall
    case .other: \.causeOther
    }
  }

  /// What tables and legends call it.
  var title: String {
    switch self {
    case .eoi: "EOI"
    case .interruptWindow: "interrupt window"
    case .halt: "HLT"
    case .ipi: "IPI"
    case .portIO: "port I/O"
    case .mmio: "other MMIO"
    case .msr: "other MSR"
    case .pageFault: "page fault"
    case .cpuid: "CPUID"
    case .pause: "PAUSE"
    case .externalInterrupt: "external interrupt"
    case .notify, .timer, .exception, .hypercall, .other: rawValue
    }
  }

  /// Its colour in stacks.
  var colour: String {
    switch self {
    case .notify: "#D55E00"
    case .eoi: "#E69F00"
    case .interruptWindow: "#F0E442"
    case .halt: "#CC79A7"
    case .timer: "#0072B2"
    case .ipi: "#56B4E9"
    case .portIO: "#882255"
    case .mmio: "#AA4499"
    case .msr: "#332288"
    case .pageFault: "#117733"
    case .exception: "#DDCC77"
    case .cpuid: "#44AA99"
    case .pause: "#999933"
    case .externalInterrupt: "#BBBBBB"
    case .hypercall: "#661100"
    case .other: "#009E73"
    }
  }
}
