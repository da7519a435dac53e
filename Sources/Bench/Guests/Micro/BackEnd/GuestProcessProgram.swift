import Foundation
import Glibc
import HostSystem
import Hypervisor

/// A process of this build's bench with one micro guest, whose disk vextd serves (`bench guest-process`). One thread.
///
/// Requests and answers are lines: the process says `ready DESCRIPTOR KILOHERTZ`, and answers `run` with `running` and `pause` with
/// `paused`. It ends with its standard input.
final class GuestProcessProgram: PeerProgram {
  let process: PeerProcess
  let version = ProjectVersion.text
  let bindsMemory = true
  let hasPanicked = false
  /// Ticks of the guest's TSC per millisecond.
  let tscKilohertz: UInt64
  private let plan: GuestProcessPlan
  private let lines: AnswerLines
  private let memoryDescriptor: Int32
  /// How long the threads of the vCPUs may take to come up.
  private static let namingNanoseconds: UInt64 = 10_000_000_000
  /// The process that serves the disk, if its CPU time counts for this guest.
  private let backEnd: BackEndProcess?

  /// Starts the process, which lays the guest out.
  ///
  /// - Parameters:
  ///   - folder: keeps its plan and its messages.
  ///   - backEnd: the process that serves the disk, if its CPU time counts for this guest.
  /// - Throws: ``BenchFailure`` with the process's own words if it does not start.
  init(_ plan: GuestProcessPlan, folder: PeerFolder, backEnd: BackEndProcess?) throws {
    self.plan = plan
    self.backEnd = backEnd
    let path = "\(folder.path)/guest\(plan.index).json"
    try JSONEncoder().encode(plan).write(to: URL(filePath: path))
    let program = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
      .appending(path: "bench").path
    process = try PeerProcess(
      program: program, arguments: ["guest-process", path], outputPath: nil,
      errorPath: folder.errors(guest: plan.index))
    guard let output = process.output else { preconditionFailure("its standard output is a pipe") }
    lines = AnswerLines(output)
    let words = try lines.next(of: process).split(separator: " ")
    guard words.count == 3, words[0] == "ready", let descriptor = Int32(words[1]),
      let kilohertz = UInt64(words[2])
    else { throw BenchFailure("guest \(plan.index): its process says '\(words)'", exitCode: .unavailable) }
    memoryDescriptor = descriptor
    tscKilohertz = kilohertz
  }

  /// Maps the guest's RAM.
  func mapMemory(byteCount: UInt64) throws -> GuestMemory {
    let file = try OwnedDescriptor.open("/proc/\(process.id)/fd/\(memoryDescriptor)", flags: O_RDWR)
    return try GuestMemory(sharedFile: file.rawValue, byteCount: byteCount)
  }

  /// Lets the guest run, which makes the threads; waits until each vCPU's has its name, which it gives itself.
  func findThreads() throws -> PeerThreads {
    try ask("run", for: "running")
    let vcpus = HostClock.waitForValue(
      every: 1_000_000, timeoutNanoseconds: Self.namingNanoseconds, { vcpuThreads() })
    return PeerThreads(vcpus: vcpus ?? [], ioThreads: backEnd?.ioThreads ?? [])
  }

  /// The threads of the vCPUs in their order; nil as long as one is missing.
  private func vcpuThreads() -> [ProcessThread]? {
    let named = ProcessThread.named(of: process.id)
    let threads = (0..<plan.configuration.workerCount).compactMap { vcpu in
      named.first { $0.name.hasSuffix("-vcpu\(vcpu)") }?.thread
    }
    return threads.count == plan.configuration.workerCount ? threads : nil
  }

  func exitCounts() throws -> ExitCounts? { nil }

  /// ``findThreads()`` has done so.
  func letRun() throws {}

  func pause() throws { try ask("pause", for: "paused") }

  private func ask(_ request: String, for answer: String) throws {
    try process.input.write(contentsOf: Data("\(request)\n".utf8))
    let line = try lines.next(of: process)
    guard line == answer else {
      throw BenchFailure(
        "guest \(plan.index): its process answers '\(line)' to '\(request)'", exitCode: .unavailable)
    }
  }
}

/// The lines that a process writes to a pipe. One thread.
private final class AnswerLines {
  private let output: FileHandle
  private var rest: [UInt8] = []

  /// Time for making the guest's memory resident.
  private static let milliseconds: Int32 = 120_000

  init(_ output: FileHandle) { self.output = output }

  /// The next line.
  ///
  /// - Throws: ``BenchFailure`` with the process's own words if it has ended.
  func next(of process: PeerProcess) throws -> String {
    let poll = try EventPoll()
    try poll.add(descriptor: output.fileDescriptor, token: 0)
    var events = EventBuffer(capacity: 1)
    while true {
      if let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
        defer { rest.removeSubrange(...end) }
        return String(decoding: rest[..<end], as: UTF8.self)
      }
      guard try poll.wait(timeoutMilliseconds: Self.milliseconds, into: &events) > 0 else {
        throw BenchFailure("a guest's process does not answer", exitCode: .unavailable)
      }
      let data = output.availableData
      guard !data.isEmpty else {
        _ = process.wait(milliseconds: 5_000)
        throw BenchFailure("a guest's process ended: \(process.lastWords)", exitCode: .unavailable)
      }
      rest += data
    }
  }
}
