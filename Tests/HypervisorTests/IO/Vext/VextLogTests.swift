import Glibc
import HostSystem
import Synchronization
import Testing
import VextProtocol

@testable import Hypervisor

extension VextTests {
  /// What a device says of its guest's mistakes.
  @Suite struct LogTests {
    /// What a writer's thread did, and whether it may go on.
    private final class Recorder: Sendable {
      private let record = Mutex<[String]>([])
      private let gate = Atomic(false)

      var lines: [String] { record.withLock { $0 } }

      func append(_ line: String) { record.withLock { $0.append(line) } }

      func open() { gate.store(true, ordering: .releasing) }

      func waitUntilOpen() { while !gate.load(ordering: .acquiring) { usleep(100) } }
    }

    /// Both ends of a pipe in which nothing has room any more; the second is the one for writing.
    private static func fullPipe() throws -> [Int32] {
      var ends: [Int32] = [0, 0]
      try #require(unsafe pipe(&ends) == 0)
      try #require(fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0)
      let chunk = [UInt8](repeating: 0, count: 4096)
      while unsafe Glibc.write(ends[1], chunk, chunk.count) > 0 {}
      try #require(fcntl(ends[1], F_SETFL, 0) == 0)
      return ends
    }

    @Test(.timeLimit(.minutes(20)))
    func `a machine goes on while its neighbour's message waits for a full pipe`() throws {
      let ends = try Self.fullPipe()
      let recorder = Recorder()
      let log = LogWriter { line in
        _ = unsafe Glibc.write(ends[1], Array(line.utf8), line.utf8.count)
        recorder.append(line)
      }
      let thread = try IOThread(name: "vext-test", cpus: nil, waiting: .polling, engine: .sync)
      defer { thread.stop() }
      let hostile = try VextFixture(server: thread, log: log)
      let neighbour = try VextFixture(server: thread)

      var entry = VextFixture.entry(.read, id: 5)
      entry.offset = 1
      hostile.driver.push(entry)
      #expect(hostile.driver.waitUntilStopped())

      #expect(try neighbour.driver.perform(VextFixture.entry(.read, id: 6)).status == 0)
      #expect(!log.flush())
      #expect(recorder.lines.isEmpty)
      // A reader that continues gets the message.
      var chunk = [UInt8](repeating: 0, count: 1 << 20)
      while recorder.lines.isEmpty {
        _ = unsafe read(ends[0], &chunk, chunk.count)
        usleep(1000)
      }
      #expect(log.flush())
      #expect(recorder.lines.first?.contains("stopped by entry 0") == true)
      for end in ends { close(end) }
    }

    @Test func `lines come out in order, and those beyond the limit are counted`() {
      let recorder = Recorder()
      let log = LogWriter { line in
        recorder.waitUntilOpen()
        recorder.append(line)
      }
      for number in 0..<2100 { log.write("\(number)") }
      recorder.open()
      while !log.flush() {}
      let lines = recorder.lines
      // The thread may have taken some before the others came, which then had more room.
      #expect(lines.prefix(1024) == (0..<1024).map(String.init)[...])
      #expect(lines.count < 2100)
      #expect(lines.contains { $0.hasSuffix(" messages were left out") })
    }

    @Test func `a device says no more than 64 lines, and that it leaves out the rest`() {
      let recorder = Recorder()
      let writer = LogWriter { recorder.append($0) }
      let log = VextLog(device: "disk", writer: writer)
      for number in 0..<100 { log.warn("\(number)") }
      while !writer.flush() {}
      let lines = recorder.lines
      #expect(lines.count == 65)
      #expect(lines[63] == "disk 63")
      #expect(lines[64] == "disk further messages are left out")
    }

    @Test func `a budget is renewed line by line, and never beyond its limit`() {
      let budget = VextLogBudget(renewalNanoseconds: 10)
      func lines(at now: UInt64) -> Int { (0..<200).count { _ in budget.take(at: now) > 0 } }
      #expect(lines(at: 1000) == 64)
      #expect(lines(at: 1009) == 0)
      #expect(lines(at: 1010) == 1)
      #expect(lines(at: 1035) == 2)
      #expect(lines(at: 1040) == 1)
      #expect(lines(at: 900) == 0)
      #expect(lines(at: .max / 2) == 64)
      let fixed = VextLogBudget()
      #expect((0..<200).count { _ in fixed.take(at: 5) > 0 } == 64)
      #expect(fixed.take(at: .max) == 0)
    }
  }
}
