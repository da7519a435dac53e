/// Number of vmexits of one or several vCPUs, by reason.
public struct ExitCounts: Codable, Equatable, Sendable {
  /// All vmexits.
  public var total: UInt64
  /// Port accesses that reached user space or an in-kernel device.
  public var io: UInt64
  /// Accesses to memory without RAM, ioeventfds included.
  public var mmio: UInt64
  /// HLT.
  public var halt: UInt64
  /// Hypercalls.
  public var hypercall: UInt64
  /// Interrupts of the host, mainly its timer's, which the guest's I/O does not cause.
  public var irq: UInt64
  /// Interrupts delivered to the guest (not a vmexit).
  public var irqInjections: UInt64
  /// Returns of KVM_RUN to user space, counted by the hypervisor itself.
  public var user: UInt64

  /// Makes counts, which are zero unless given.
  public init(
    total: UInt64 = 0, io: UInt64 = 0, mmio: UInt64 = 0, halt: UInt64 = 0, hypercall: UInt64 = 0,
    irq: UInt64 = 0,
    irqInjections: UInt64 = 0, user: UInt64 = 0
  ) {
    self.total = total
    self.io = io
    self.mmio = mmio
    self.halt = halt
    self.hypercall = hypercall
    self.irq = irq
    self.irqInjections = irqInjections
    self.user = user
  }

  /// Vmexits that the I/O path may have caused: all except those of the host's own interrupts.
  public var ioPath: UInt64 { total >= irq ? total - irq : 0 }

  /// Adds the counts.
  public static func + (left: ExitCounts, right: ExitCounts) -> ExitCounts { combine(left, right, &+) }

  /// The counts since `right`, which was read earlier.
  public static func - (left: ExitCounts, right: ExitCounts) -> ExitCounts { combine(left, right, &-) }

  private static func combine(
    _ left: ExitCounts, _ right: ExitCounts, _ operation: (UInt64, UInt64) -> UInt64
  ) -> ExitCounts {
    ExitCounts(
      total: operation(left.total, right.total), io: operation(left.io, right.io),
      mmio: operation(left.mmio, right.mmio), halt: operation(left.halt, right.halt),
      hypercall: operation(left.hypercall, right.hypercall), irq: operation(left.irq, right.irq),
      irqInjections: operation(left.irqInjections, right.irqInjections),
      user: operation(left.user, right.user))
  }
}
