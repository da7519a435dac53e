/// vmexits of one guest's vCPUs within the window, as KVM's statistics count them.
struct ExitCounts: Codable, Equatable, Sendable {
  /// All vmexits (`exits`).
  var total: UInt64 = 0
  /// Port I/O (`io_exits`).
  var io: UInt64 = 0
  /// Memory-mapped I/O (`mmio_exits`).
  var mmio: UInt64 = 0
  /// The guest went idle (`halt_exits`).
  var halt: UInt64 = 0
  /// Hypercalls (`hypercalls`).
  var hypercall: UInt64 = 0
  /// The host's own interrupts (`irq_exits`): its timer, mostly.
  var irq: UInt64 = 0
  /// Interrupts put into the guest (`irq_injections`).
  var irqInjections: UInt64 = 0
  /// Exits that reached user space: returns of `KVM_RUN`.
  var user: UInt64 = 0

  /// Exits that the I/O path may be blamed for: all but those that the host's own interrupts caused.
  var ioPath: UInt64 { total >= irq ? total - irq : 0 }
}
