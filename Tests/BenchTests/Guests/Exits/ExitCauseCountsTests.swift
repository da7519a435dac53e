import Hypervisor
import Testing

@testable import Bench

/// How vmexits are attributed to causes.
struct ExitCauseCountsTests {
  private static func values(_ counts: [ExitCounter: UInt64]) -> ExitCounterValues {
    var values = ExitCounterValues()
    for (counter, count) in counts { values[counter] = count }
    return values
  }

  /// 1,000 requests of a Linux guest on virtio-blk: a notification each, answered by ioeventfds; two registers of the device, answered by
  /// user space; a page that was not there.
  private static let linux: [ExitCounter: UInt64] = [
    .exit: 3600, .interruptWindow: 400, .halt: 600, .externalInterrupt: 900, .cpuid: 3, .port: 5,
    .register: 689,
    .memory: 1003, .timerRegister: 590, .eoiRegister: 80, .ipiRegister: 10,
    .access: 1002, .deviceWrite: 1001, .unsatisfiedRead: 1, .userAccess: 2,
  ]

  @Test("exits of hardware are attributed by reason and register, and add up to KVM's statistics")
  func hardware() {
    let causes = ExitCauseCounts(
      Self.values(Self.linux), statistics: ExitCounts(total: 3605), platform: .svm)
    #expect(causes.counts[.notify] == 1000)
    #expect(causes.counts[.mmio] == 2)
    #expect(causes.counts[.pageFault] == 1)
    #expect(causes.counts[.timer] == 590)
    #expect(causes.counts[.eoi] == 80)
    #expect(causes.counts[.ipi] == 10)
    #expect(causes.counts[.msr] == 9)
    #expect(causes.counts[.interruptWindow] == 400)
    #expect(causes.counts[.externalInterrupt] == 900)
    #expect(causes.counts[.halt] == 600)
    #expect(causes.counts[.portIO] == 5)
    #expect(causes.counts[.cpuid] == 3)
    #expect(causes.counts[.pause] == 0)
    #expect(causes.counts[.other] == 5)
    #expect(causes.counts.values.reduce(0, +) == 3605)
    #expect(Set(causes.counts.keys) == Set(ExitCause.allCases))
    #expect(causes.traced == 3600)
  }

  @Test("a local APIC in memory is no device: its registers have their own causes")
  func xAPIC() {
    let causes = ExitCauseCounts(
      Self.values([.exit: 60, .memory: 60, .access: 60, .eoiWrite: 30, .timerWrite: 20, .ipiWrite: 4]),
      statistics: ExitCounts(total: 60), platform: .vmx)
    #expect(causes.counts[.eoi] == 30)
    #expect(causes.counts[.timer] == 20)
    #expect(causes.counts[.ipi] == 4)
    #expect(causes.counts[.mmio] == 6)
    #expect(causes.counts[.notify] == 0)
    #expect(causes.counts[.pageFault] == 0)
    #expect(causes.counts[.other] == 0)
  }

  @Test("what VMX does without an access is the same cause")
  func vmx() {
    let causes = ExitCauseCounts(
      Self.values([
        .exit: 100, .inducedEOI: 10, .preemptionTimer: 20, .apicTimerWrite: 3, .apicIPIWrite: 4, .memory: 50,
        .fastWrite: 50,
      ]), statistics: ExitCounts(total: 100), platform: .vmx)
    #expect(causes.counts[.eoi] == 10)
    #expect(causes.counts[.timer] == 23)
    #expect(causes.counts[.ipi] == 4)
    #expect(causes.counts[.notify] == 50)
    #expect(causes.counts[.other] == 13)
  }

  @Test("where kvm_exit does not fire, KVM's statistics tell two causes, and two stay unknown")
  func software() {
    let causes = ExitCauseCounts(
      Self.values([.register: 100, .eoiRegister: 90, .access: 80, .deviceWrite: 80, .exception: 70]),
      statistics: ExitCounts(total: 400, halt: 70, irq: 30), platform: .software)
    #expect(causes.counts[.notify] == 80)
    #expect(causes.counts[.eoi] == 90)
    #expect(causes.counts[.msr] == 10)
    #expect(causes.counts[.halt] == 70)
    #expect(causes.counts[.externalInterrupt] == 30)
    #expect(causes.counts[.exception] == 70)
    #expect(causes.counts[.interruptWindow] == nil)
    #expect(causes.counts[.pause] == nil)
    #expect(causes.counts[.other] == 50)
    #expect(causes.traced == nil)
    #expect(causes.deviation(from: ExitCounts(total: 400)) == nil)
  }

  @Test("counts of hostile or broken counters never trap")
  func extremes() {
    var values = ExitCounterValues()
    for counter in ExitCounter.allCases { values[counter] = .max }
    let causes = ExitCauseCounts(values, statistics: ExitCounts(total: 1), platform: .vmx)
    #expect(causes.counts[.other] != nil)
    #expect(ExitCounterValues().since(values) == Self.values([:]).since(values))
  }

  @Test("the window's counts are the difference of two readings")
  func differences() {
    let window = Self.values([.halt: 10, .port: 4]).since(Self.values([.halt: 7]))
    #expect(window[.halt] == 3)
    #expect(window[.port] == 4)
  }

  @Test(
    "a tracepoint count that differs from the statistics by more than 1 % is reported",
    arguments: [0.98, 1.02])
  func deviation(share: Double) throws {
    let causes = ExitCauseCounts(counts: [:], traced: UInt64(100_000 * share))
    let deviation = try #require(causes.deviation(from: ExitCounts(total: 100_000)))
    #expect(abs(deviation - 0.02) < 1e-9)
    #expect(causes.deviation(from: ExitCounts(total: UInt64(100_500 * share))) == nil)
    var measurement = RunFixture.measurement()
    measurement.exits.total = 100_000
    measurement.causes = causes
    #expect(measurement.causesNote?.contains("2.0 % apart") == true)
    // A few exits more are those of reading the counters.
    #expect(ExitCauseCounts(counts: [:], traced: 10).deviation(from: ExitCounts(total: 4)) == nil)
  }
}
