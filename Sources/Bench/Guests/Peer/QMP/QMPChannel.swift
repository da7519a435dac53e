import Foundation
import HostSystem

#if canImport(Glibc)
  import Glibc
#endif

/// QEMU's monitor (QMP), over two pipes. One thread.
final class QMPChannel {
  /// Why there was no answer.
  enum Failure: Error, Equatable {
    /// The process closed the pipe, so it ended.
    case closed
    /// There was none in time.
    case timeout
    /// QEMU refused, or spoke in another way than expected.
    case refused(String)
  }

  /// What happened so far, by QEMU's names, in order.
  private(set) var events: [String] = []
  private let requests: FileHandle
  private let answers: FileHandle
  private var received = Data()
  private var lastID: UInt64 = 0

  /// A line that is longer belongs to no monitor.
  private static let lineByteLimit = 1 << 20
  private static let eventLimit = 1000

  /// A monitor that reads from the other end of `requests` and writes to that of `answers`.
  init(requests: FileHandle, answers: FileHandle) {
    self.requests = requests
    self.answers = answers
  }

  /// Waits for the greeting and leaves the monitor ready for commands.
  ///
  /// - Returns: QEMU's version.
  func connect(milliseconds: Int) throws(Failure) -> String {
    let deadline = Self.deadline(milliseconds)
    while true {
      guard case .greeting(let version) = try next(until: deadline) else { continue }
      _ = try execute("qmp_capabilities", until: deadline)
      return version
    }
  }

  /// Has QEMU carry out `command` and waits for the answer.
  func execute(
    _ command: String, arguments: JSONValue? = nil, milliseconds: Int
  ) throws(Failure) -> JSONValue {
    try execute(command, arguments: arguments, until: Self.deadline(milliseconds))
  }

  /// Reads what has come without waiting, so that ``events`` is up to date.
  func drain() {
    // A pipe that the process has closed has given all that was in it.
    while let message = try? next(until: 0) {
      if case .event(let name) = message { note(name) }
    }
  }

  private func execute(
    _ command: String, arguments: JSONValue? = nil, until deadline: UInt64
  ) throws(Failure) -> JSONValue {
    lastID += 1
    do {
      try requests.write(contentsOf: Self.line(command, arguments, id: lastID))
    } catch {
      throw .closed
    }
    while true {
      switch try next(until: deadline) {
      case .result(lastID, let value): return value
      case .failure(let id, let reason) where id == lastID || id == nil:
        throw .refused("\(command): \(reason)")
      case .event(let name): note(name)
      case .result, .failure, .greeting, .unknown: continue
      }
    }
  }

  private static func line(_ command: String, _ arguments: JSONValue?, id: UInt64) throws -> Data {
    var members: [String: JSONValue] = ["execute": .string(command), "id": .integer(Int64(id))]
    if let arguments { members["arguments"] = arguments }
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    return try encoder.encode(JSONValue.object(members)) + Data("\n".utf8)
  }

  private func note(_ event: String) {
    if events.count < Self.eventLimit { events.append(event) }
  }

  private func next(until deadline: UInt64) throws(Failure) -> QMPMessage {
    while true {
      if let end = received.firstIndex(of: UInt8(ascii: "\n")) {
        let line = received[received.startIndex..<end]
        received = Data(received[(end + 1)...])
        guard let message = QMPMessage(line: Data(line)) else {
          throw .refused("a line of its monitor is not JSON")
        }
        return message
      }
      guard received.count <= Self.lineByteLimit else { throw .refused("a line of its monitor has no end") }
      try receive(until: deadline)
    }
  }

  private func receive(until deadline: UInt64) throws(Failure) {
    var descriptor = pollfd(fd: answers.fileDescriptor, events: Int16(POLLIN), revents: 0)
    let now = HostClock.monotonicNanoseconds()
    let milliseconds = deadline > now ? (deadline - now + 999_999) / 1_000_000 : 0
    // Interrupted by a signal, it is as if nothing had come yet.
    guard unsafe poll(&descriptor, 1, Int32(clamping: milliseconds)) > 0 else {
      if HostClock.monotonicNanoseconds() >= deadline { throw .timeout }
      return
    }
    // There is something to read, or the end: this does not block.
    let data = answers.availableData
    guard !data.isEmpty else { throw .closed }
    received += data
  }

  private static func deadline(_ milliseconds: Int) -> UInt64 {
    HostClock.monotonicNanoseconds() + UInt64(milliseconds) * 1_000_000
  }
}
