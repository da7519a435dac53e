import Foundation
import Hypervisor
import Testing

@testable import Bench

struct QMPTests {
  private func message(_ line: String) -> QMPMessage? { QMPMessage(line: Data(line.utf8)) }

  @Test("each kind of line is recognized")
  func messages() {
    #expect(
      message(
        #"{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "Debian 1"}, "capabilities": []}}"#
      ) == .greeting(version: "7.2.22 (Debian 1)"))
    #expect(
      message(#"{"QMP": {"version": {"qemu": {"micro": 0, "minor": 1, "major": 8}, "package": ""}}}"#)
        == .greeting(version: "8.1.0"))
    #expect(message(#"{"return": {"a": 1}, "id": 4}"#) == .result(id: 4, value: .object(["a": .integer(1)])))
    #expect(
      message(#"{"id": 5, "error": {"class": "GenericError", "desc": "no such thing"}}"#)
        == .failure(id: 5, reason: "no such thing"))
    #expect(
      message(#"{"timestamp": {"seconds": 1}, "event": "GUEST_PANICKED", "data": {}}"#)
        == .event(name: "GUEST_PANICKED"))
    #expect(message(#"{"else": 1}"#) == .unknown)
    #expect(message("qemu: oops") == nil)
  }

  @Test("threads come in the order of the vCPUs, and an unknown answer returns nil")
  func threads() {
    func cpu(_ index: Int64, _ thread: Int64) -> JSONValue {
      .object(["cpu-index": .integer(index), "thread-id": .integer(thread)])
    }
    let io = JSONValue.array([.object(["id": .string("io0"), "thread-id": .integer(30)])])
    let threads = QMPThreads(cpus: .array([cpu(1, 21), cpu(0, 20)]), ioThreads: io)
    #expect(threads?.vcpus == [20, 21])
    #expect(threads?.ioThreads == [30])
    #expect(QMPThreads(cpus: .array([cpu(0, -1)]), ioThreads: io) == nil)
    #expect(QMPThreads(cpus: .array([cpu(0, 0)]), ioThreads: io) == nil)
    #expect(QMPThreads(cpus: .object([:]), ioThreads: io) == nil)
    #expect(QMPThreads(cpus: .array([cpu(0, 20)]), ioThreads: .array([.object([:])])) == nil)
  }

  @Test("the counters of all vCPUs are added up; one that is missing makes the answer useless")
  func statistics() {
    func statistic(_ name: String, _ value: Int64) -> JSONValue {
      .object(["name": .string(name), "value": .integer(value)])
    }
    let counters = [
      statistic("irq_injections", 7), statistic("hypercalls", 5), statistic("irq_exits", 6),
      statistic("halt_exits", 4), statistic("mmio_exits", 3), statistic("io_exits", 2),
      statistic("exits", 100),
    ]
    func answer(_ lists: [[JSONValue]]) -> JSONValue { .array(lists.map { .object(["stats": .array($0)]) }) }
    #expect(
      QMPStatistics.exitCounts(answer([counters, counters]))
        == ExitCounts(total: 200, io: 4, mmio: 6, halt: 8, hypercall: 10, irq: 12, irqInjections: 14))
    #expect(QMPStatistics.exitCounts(answer([counters, Array(counters.dropLast())])) == nil)
    #expect(QMPStatistics.exitCounts(answer([])) == nil)
  }

  @Test("an answer is found among events, which are kept")
  func conversation() throws {
    let (requests, answers) = (Pipe(), Pipe())
    let channel = QMPChannel(
      requests: requests.fileHandleForWriting, answers: answers.fileHandleForReading)
    let lines = [
      #"{"QMP": {"version": {"qemu": {"micro": 1, "minor": 2, "major": 9}, "package": ""}, "capabilities": []}}"#,
      #"{"return": {}, "id": 1}"#, #"{"event": "RESUME"}"#, #"{"return": [], "id": 1}"#,
      #"{"return": [7], "id": 2}"#,
      #"{"id": 3, "error": {"desc": "no"}}"#, #"{"event": "GUEST_PANICKED"}"#,
    ]
    answers.fileHandleForWriting.write(Data(lines.map { $0 + "\r\n" }.joined().utf8))
    #expect(try channel.connect(milliseconds: 1000) == "9.2.1")
    #expect(try channel.execute("query-iothreads", milliseconds: 1000) == .array([.integer(7)]))
    #expect(throws: QMPChannel.Failure.refused("cont: no")) {
      try channel.execute("cont", milliseconds: 1000)
    }
    channel.drain()
    #expect(channel.events == ["RESUME", "GUEST_PANICKED"])
    let asked = String(decoding: requests.fileHandleForReading.availableData, as: UTF8.self)
    #expect(
      asked.split(separator: "\n") == [
        #"{"execute":"qmp_capabilities","id":1}"#, #"{"execute":"query-iothreads","id":2}"#,
        #"{"execute":"cont","id":3}"#,
      ])
  }

  @Test("silence is a timeout, and a pipe that was closed is the end")
  func noAnswer() throws {
    let (requests, answers) = (Pipe(), Pipe())
    let channel = QMPChannel(
      requests: requests.fileHandleForWriting, answers: answers.fileHandleForReading)
    #expect(throws: QMPChannel.Failure.timeout) { try channel.connect(milliseconds: 20) }
    answers.fileHandleForWriting.write(Data("not JSON\n".utf8))
    #expect(throws: QMPChannel.Failure.refused("a line of its monitor is not JSON")) {
      try channel.connect(milliseconds: 1000)
    }
    try answers.fileHandleForWriting.close()
    #expect(throws: QMPChannel.Failure.closed) { try channel.connect(milliseconds: 1000) }
  }
}
