/// Why vCPUs left the guest, as the columns of a row count it.
enum ExitReason: String, CaseIterable, Sendable {
  case io
  case mmio
  case halt = "hlt"
  case hypercall
  /// The host's own interrupts, its timer above all.
  case irq = "irq (host's)"
  /// What KVM has no counter of its own for: kicks that the kernel answers, the APIC, page faults.
  case other

  /// The column that counts it; nil for the rest.
  var column: ColumnPath<UInt64>? {
    switch self {
    case .io: \.exitsIO
    case .mmio: \.exitsMMIO
    case .halt: \.exitsHalt
    case .hypercall: \.exitsHypercall
    case .irq: \.exitsIRQ
    case .other: nil
    }
  }

  /// Its colour in stacks.
  var colour: String {
    switch self {
    case .io: "#0072B2"
    case .mmio: "#D55E00"
    case .halt: "#CC79A7"
    case .hypercall: "#E69F00"
    case .irq: "#BBBBBB"
    case .other: "#009E73"
    }
  }
}
