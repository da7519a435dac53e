import Foundation
import HostSystem
import Testing

@testable import Bench

/// What this process holds of the kernel.
private struct Holdings {
  let descriptors: [String]
  let threadCount: Int
  /// Mappings by name; a KVM memory slot pins one of them, and lives no longer than its machine's descriptor.
  let guestMappingCount: Int

  init() throws {
    let numbers = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")
    // The listing's own descriptor is gone by now.
    descriptors = numbers.compactMap {
      try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")
    }
    .sorted()
    threadCount = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count
    // To its end: String(contentsOfFile:) stops at the kernel's first page of a file without a size.
    let maps = String(
      decoding: try FileHandle(forReadingFrom: URL(filePath: "/proc/self/maps")).readToEnd() ?? Data(),
      as: UTF8.self)
    guestMappingCount = maps.split(separator: "\n").count { $0.contains("kvm") || $0.contains("[aio]") }
  }
}

extension Holdings {
  /// What is there now and was not there before, once the kernel has had time to take away what ended.
  ///
  /// pthread_join returns when the kernel clears the thread's ID, which is some time before the thread is taken off the
  /// list of tasks: on a busy machine it is still there when the next line looks.
  fileprivate static func settledLeaks(since before: Holdings) throws -> [String] {
    let end = HostClock.monotonicNanoseconds() + 5_000_000_000
    while true {
      let leaks = try Holdings().leaks(since: before)
      if leaks.isEmpty || HostClock.monotonicNanoseconds() > end { return leaks }
      HostClock.sleep(nanoseconds: 10_000_000)
    }
  }

  /// What is there now and was not there before, in words.
  fileprivate func leaks(since before: Holdings) -> [String] {
    let opened = descriptors.difference(from: before.descriptors).insertions.map { "\($0)" }
    let threads = threadCount > before.threadCount ? ["\(threadCount - before.threadCount) threads"] : []
    let mappings = guestMappingCount - before.guestMappingCount
    return opened + threads + (mappings > 0 ? ["\(mappings) mappings"] : [])
  }
}

/// T2: guests that come and go.
@Suite(.enabled(if: hasKVM, "/dev/kvm cannot be opened"))
struct StartStopTests {
  @Test func `hundreds of starts and stops leak no descriptor, thread, mapping or memory`() async {
    // In a process of its own: other tests open and close things meanwhile.
    await #expect(processExitsWith: .success) {
      let run = try GuestRun(
        "--engine libaio --no-direct --rw randread --requests 4 --warmup 0ms --workers 1")
      func cycle(_ index: Int) throws {
        let booted = try BootedGuests(
          run: run, mode: DataPathMode.available[index % DataPathMode.available.count])
        defer { booted.shutDown() }
        try booted.runToTheEnd()
      }
      for index in 0..<8 { try cycle(index) }
      let (before, residentBefore) = (try Holdings(), try ResidentMemory.byteCount())
      // 200 of them within the time of the quick tiers. VEXT_STARTS asks for more.
      let count = ProcessInfo.processInfo.environment["VEXT_STARTS"].flatMap { Int($0) } ?? 200
      for index in 0..<count { try cycle(index) }
      let residentAfter = try ResidentMemory.byteCount()
      let leaks =
        try Holdings.settledLeaks(since: before)
        + (residentAfter - residentBefore < 4 << 20
          ? []
          : [
            // The memory of one guest that leaked is more than that.
            "resident memory grew from \(residentBefore) to \(residentAfter) bytes"
          ])
      // Expectations that fail in a process of their own tell no values.
      for leak in leaks { FileHandle.standardError.write(Data("leaked: \(leak)\n".utf8)) }
      #expect(leaks.isEmpty)
    }
  }
}
