import CLinux
import HostSystem
import Synchronization
import SystemPackage
import Testing

@Suite struct HostThreadTests {
  @Test(
    "a thread has its name, cut to 15 bytes",
    arguments: [("io-0", "io-0"), ("0123456789abcdefgh", "0123456789abcde")])
  func name(given: String, shown: String) throws {
    let name = try runOnThread(name: given) { () -> String in
      var buffer = [CChar](repeating: 0, count: 16)
      _ = unsafe linux_current_thread_name(&buffer)
      return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
    #expect(name == shown)
  }

  @Test("a thread is pinned before its body runs, and reports its CPUs")
  func pinning() throws {
    let allowed = try HostThread.currentCPUs()
    let last = CPUSet([try #require(allowed.sorted.last)])
    let seen = Box<CPUSet?>(nil)
    let thread = try HostThread(name: "pinned", cpus: last) {
      let cpus = try? HostThread.currentCPUs()
      seen.value.withLock { $0 = cpus }
    }
    #expect(try thread.grantedCPUs() == last)
    thread.join()
    #expect(seen.value.withLock { $0 } == last)
    #expect(try thread.grantedCPUs() == last)
  }

  @Test("a thread cannot be pinned to CPUs that are not there")
  func absentCPUs() {
    #expect(throws: Errno.invalidArgument) { _ = try HostThread(name: "absent", cpus: CPUSet([8000])) {} }
    #expect(throws: Errno.invalidArgument) { _ = try HostThread(name: "none", cpus: CPUSet([])) {} }
    #expect(throws: Errno.invalidArgument) { try HostThread.pinCurrent(to: CPUSet([8000])) }
  }

  @Test("the calling thread can pin itself")
  func pinCurrent() throws {
    let first = CPUSet([try #require(try HostThread.currentCPUs().sorted.first)])
    let granted = try runOnThread { () throws -> CPUSet in
      try HostThread.pinCurrent(to: first)
      return try HostThread.currentCPUs()
    }
    #expect(granted == first)
  }

  @Test("CPU time grows while a thread computes and is kept after its end")
  func cpuTime() throws {
    let stop = Box(false)
    let thread = try HostThread(name: "busy", cpus: nil) {
      while !stop.value.withLock({ $0 }) { SpinHint.pause() }
    }
    let before = try thread.cpuTimeNanoseconds()
    var now = before
    let deadline = HostClock.monotonicNanoseconds() + 10_000_000_000
    while now < before + 5_000_000, HostClock.monotonicNanoseconds() < deadline {
      HostClock.sleep(nanoseconds: 1_000_000)
      now = try thread.cpuTimeNanoseconds()
    }
    stop.value.withLock { $0 = true }
    thread.join()
    thread.join()
    #expect(now >= before + 5_000_000)
    let final = try thread.cpuTimeNanoseconds()
    #expect(final >= now)
    #expect(try thread.cpuTimeNanoseconds() == final)
    thread.interrupt()
  }

  @Test("an interrupt gets a thread out of a blocking system call, and nothing else")
  func interrupt() throws {
    HostThread.installInterruptHandler()
    let event = try EventDescriptor()
    let number = event.rawValue
    // A wait without a time limit: the thread ends only if the signal arrives.
    let waiting = Box(false)
    let outcome = Box<Int?>(nil)
    let thread = try HostThread(name: "blocked", cpus: nil) {
      guard let poll = try? EventPoll(), (try? poll.add(descriptor: number, token: 1)) != nil else { return }
      var buffer = EventBuffer(capacity: 1)
      waiting.value.withLock { $0 = true }
      let count = try? poll.wait(timeoutMilliseconds: -1, into: &buffer)
      outcome.value.withLock { $0 = count }
    }
    while !waiting.value.withLock({ $0 }) { HostClock.sleep(nanoseconds: 1_000_000) }
    // The signal may come before the thread has entered the system call.
    while outcome.value.withLock({ $0 == nil }) {
      thread.interrupt()
      HostClock.sleep(nanoseconds: 1_000_000)
    }
    thread.join()
    #expect(outcome.value.withLock { $0 } == 0)
  }

  @Test("a thread that nobody joins runs to its end")
  func detached() throws {
    let ran = Box(false)
    do {
      _ = try HostThread(name: "detached", cpus: nil) {
        HostClock.sleep(nanoseconds: 5_000_000)
        ran.value.withLock { $0 = true }
      }
    }
    let deadline = HostClock.monotonicNanoseconds() + 10_000_000_000
    while !ran.value.withLock({ $0 }), HostClock.monotonicNanoseconds() < deadline {
      HostClock.sleep(nanoseconds: 1_000_000)
    }
    #expect(ran.value.withLock { $0 })
  }

  @Test("many threads join one thread")
  func manyJoiners() throws {
    let thread = try HostThread(name: "joined", cpus: nil) { HostClock.sleep(nanoseconds: 5_000_000) }
    let joiners = try (0..<4).map { try HostThread(name: "joiner-\($0)", cpus: nil) { thread.join() } }
    for joiner in joiners { joiner.join() }
    #expect(try thread.cpuTimeNanoseconds() > 0)
  }

  @Test("a sleep lasts at least as long as asked, and the clocks go forward")
  func clocks() {
    let ticks = SpinHint.timestampCounter()
    let start = HostClock.monotonicNanoseconds()
    HostClock.sleep(nanoseconds: 3_000_000)
    #expect(HostClock.monotonicNanoseconds() >= start + 3_000_000)
    #expect(SpinHint.serializedTimestampCounter() > ticks)
    #expect(HostThread.currentCPUTimeNanoseconds() > 0)
  }
}
