import Synchronization
import Testing

@testable import HostSystem

@Suite(
  .enabled(if: RunDelayMeter.ofCurrentThread() != nil, "the kernel keeps no account of waits for a CPU"))
struct RunDelayMeterTests {
  /// A thread that runs until it is ended.
  private final class Idler: Sendable {
    private let hasStarted = Atomic<Bool>(false)
    private let isEnded = Atomic<Bool>(false)

    func run() {
      hasStarted.store(true, ordering: .releasing)
      while !isEnded.load(ordering: .acquiring) { HostClock.sleep(nanoseconds: 1_000_000) }
    }

    func waitForStart() {
      while !hasStarted.load(ordering: .acquiring) { HostClock.sleep(nanoseconds: 1_000_000) }
    }

    func end() { isEnded.store(true, ordering: .releasing) }
  }

  @Test func `the time that a thread waited for its CPU only grows`() throws {
    let meter = try #require(RunDelayMeter.ofCurrentThread())
    let first = try #require(meter.nanoseconds)
    for _ in 0..<10 { HostThread.yieldCurrent() }
    let second = try #require(meter.nanoseconds)
    #expect(second >= first)
  }

  @Test func `threads that serve guests are accounted for until they end, and others are not`() throws {
    for (kind, isKnown) in [(ThreadKind.io, true), (.vcpu, true), (.device, false), (nil, false)] {
      let idler = Idler()
      let thread = try HostThread(name: "accounted", cpus: nil, kind: kind) { idler.run() }
      idler.waitForStart()
      let delay = thread.runDelayNanoseconds
      idler.end()
      thread.join()
      #expect((delay != nil) == isKnown)
      #expect(thread.runDelayNanoseconds == nil)
    }
  }
}
