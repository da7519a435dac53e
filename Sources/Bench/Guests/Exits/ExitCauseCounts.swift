import HostSystem
import Hypervisor

/// How many vmexits of a guest each cause had.
struct ExitCauseCounts: Equatable, Sendable {
  /// The causes that the host tells, ``ExitCause/other`` among them. They add up to the vmexits of KVM's statistics, or to more where KVM's
  /// tracepoints count an exit twice.
  var counts: [ExitCause: UInt64]
  /// How many vmexits the tracepoint `kvm_exit` counted; nil where it does not fire.
  var traced: UInt64?

  /// Attributes the vmexits of a window.
  ///
  /// - Parameters:
  ///   - values: What the tracepoints counted within it.
  ///   - statistics: What KVM's statistics counted within it.
  init(_ values: ExitCounterValues, statistics: ExitCounts, platform: ExitPlatform) {
    let registers = values[.eoiRegister] &+ values[.timerRegister] &+ values[.ipiRegister]
    // What user space answers is a read that KVM passed on, or a write that no ioeventfd took.
    let userWrites = values[.userAccess].subtractingWithoutUnderflow(values[.unsatisfiedRead])
    let notifications = values[.fastWrite] &+ values[.deviceWrite].subtractingWithoutUnderflow(userWrites)
    let accesses = values[.access] &+ values[.fastWrite]
    counts = [
      .notify: notifications,
      .eoi: values[.eoiRegister] &+ values[.eoiWrite] &+ values[.inducedEOI],
      .timer: values[.timerRegister] &+ values[.timerWrite] &+ values[.apicTimerWrite]
        &+ values[.preemptionTimer],
      .ipi: values[.ipiRegister] &+ values[.ipiWrite] &+ values[.apicIPIWrite],
      .exception: values[.exception], .portIO: values[.port], .cpuid: values[.cpuid],
      .hypercall: values[.hypercall],
      .mmio: accesses.subtractingWithoutUnderflow(
        notifications &+ values[.eoiWrite] &+ values[.timerWrite] &+ values[.ipiWrite]),
      .msr: values[.register].subtractingWithoutUnderflow(registers),
      .pageFault: values[.memory].subtractingWithoutUnderflow(accesses),
    ]
    switch platform {
    case .vmx, .svm:
      counts[.interruptWindow] = values[.interruptWindow]
      counts[.halt] = values[.halt]
      counts[.pause] = values[.pause]
      counts[.externalInterrupt] = values[.externalInterrupt]
      traced = values[.exit]
    case .software:
      counts[.halt] = statistics.halt
      counts[.externalInterrupt] = statistics.irq
    }
    counts[.other] = statistics.total.subtractingWithoutUnderflow(counts.values.reduce(0, &+))
  }

  /// Counts that are known already.
  init(counts: [ExitCause: UInt64], traced: UInt64? = nil) {
    self.counts = counts
    self.traced = traced
  }

  /// The share by which `kvm_exit` and KVM's statistics may differ: the window's ends are not read at once.
  static let mostDeviation = 0.01

  /// By what share `kvm_exit` counted more or fewer vmexits than KVM's statistics; nil if that is within ``mostDeviation``, or
  /// within the interrupts that reading both costs.
  func deviation(from statistics: ExitCounts) -> Double? {
    guard let traced, statistics.total > 0 else { return nil }
    let difference = traced > statistics.total ? traced - statistics.total : statistics.total - traced
    let share = Double(difference) / Double(statistics.total)
    return share > Self.mostDeviation && difference > Self.exitsOfReading ? share : nil
  }

  private static let exitsOfReading: UInt64 = 16
}

/// What the tracepoints of a guest's vCPUs counted.
struct ExitCounterValues: Equatable, Sendable {
  private var values: [ExitCounter: UInt64] = [:]

  /// Nothing.
  init() {}

  /// The count of `counter`; 0 where it is not counted.
  subscript(counter: ExitCounter) -> UInt64 {
    get { values[counter] ?? 0 }
    set { values[counter] = newValue }
  }

  /// What was counted since `earlier`.
  func since(_ earlier: ExitCounterValues) -> ExitCounterValues {
    var result = self
    for (counter, count) in earlier.values {
      result[counter] = self[counter].subtractingWithoutUnderflow(count)
    }
    return result
  }
}
