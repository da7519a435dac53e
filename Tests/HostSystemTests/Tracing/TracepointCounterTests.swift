import CLinux
import Foundation
import Glibc
import HostSystem
import SystemPackage
import Testing

/// Counters of the calling thread's system calls.
@Suite(.enabled(if: canCount, "tracefs is not mounted, or perf_event_open is forbidden"))
struct TracepointCounterTests {
  private static func call(times: Int) {
    // Number 110. Swift's mutexes make a call of gettid by themselves.
    for _ in 0..<times { _ = getppid() }
  }

  @Test("a group counts from its start on, each counter what its filter lets through")
  func filters() throws {
    let tracepoint = try #require(sysEnter)
    let own = ForeignThread(id: 0)
    let all = try TracepointCounter(tracepoint: tracepoint, of: own)
    let calls = try TracepointCounter(tracepoint: tracepoint, filter: "id == 110", of: own, leader: all)
    let none = try TracepointCounter(
      tracepoint: tracepoint, filter: "id == 110 && (args == 1 || id == 0)", of: own, leader: all)
    Self.call(times: 5)
    #expect(try all.groupCounts() == [0, 0, 0])
    try all.startGroup()
    Self.call(times: 100)
    let counts = try all.groupCounts()
    #expect(counts[0] >= 100)
    #expect(counts.dropFirst() == [100, 0])
    withExtendedLifetime((calls, none)) {}
  }

  @Test("another thread's calls are not counted, and a thread that has ended keeps its counts")
  func otherThread() throws {
    let tracepoint = try #require(sysEnter)
    let begun = try EventDescriptor()
    let proceed = try EventDescriptor()
    let begunNumber = begun.rawValue
    let proceedNumber = proceed.rawValue
    let thread = try HostThread(name: "counted", cpus: nil) {
      _ = linux_eventfd_add(begunNumber, 1)
      linux_wait_readable(proceedNumber)
      Self.call(times: 7)
    }
    begun.wait()
    let number = try #require(thread.byNumber)
    let counter = try TracepointCounter(tracepoint: tracepoint, filter: "id == 110", of: number)
    try counter.startGroup()
    Self.call(times: 50)
    proceed.signal()
    thread.join()
    #expect(try counter.groupCounts() == [7])
    #expect(thread.byNumber == nil)
  }

  @Test("a filter of fields that are not there is refused, and so is a thread that has ended")
  func refusals() throws {
    let tracepoint = try #require(sysEnter)
    #expect(throws: Errno.invalidArgument) {
      try TracepointCounter(tracepoint: tracepoint, filter: "no_such_field == 1", of: ForeignThread(id: 0))
    }
    #expect(throws: Errno.noSuchProcess) {
      try TracepointCounter(tracepoint: tracepoint, of: ForeignThread(id: 0x3FFF_FFFF))
    }
  }
}

/// The number of the tracepoint raw_syscalls:sys_enter.
private let sysEnter: UInt64? = {
  let path = "/sys/kernel/tracing/events/raw_syscalls/sys_enter/id"
  let text = try? String(contentsOfFile: path, encoding: .utf8)
  return text.flatMap { UInt64($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
}()

private let canCount: Bool = {
  guard let sysEnter else { return false }
  return (try? TracepointCounter(tracepoint: sysEnter, of: ForeignThread(id: 0))) != nil
}()
