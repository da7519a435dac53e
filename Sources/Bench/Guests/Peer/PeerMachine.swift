import Foundation
import HostSystem
import Hypervisor
import SystemPackage

/// A Linux guest in the process of another VMM.
final class PeerMachine: GuestMachine {
  private(set) var peer: PeerRecord?
  private let index: Int
  private let program: any PeerProgram
  private let vcpuCount: Int
  private let affinity: [CPUSet]
  private let ioThreadCPUs: CPUSet
  private let memoryNode: Int?
  private var threads = PeerThreads(vcpus: [], ioThreads: [])
  private var counter: PeerExitCounter?
  private var lastExits = ExitCounts()
  private var lastVCPUNanoseconds: UInt64 = 0
  private var lastIOThreadNanoseconds: UInt64 = 0

  /// How long a process may take to end once something of it is gone.
  private static let endMilliseconds = 5_000

  /// A guest that is started by ``start()``.
  ///
  /// - Parameters:
  ///   - affinity: Where each vCPU runs; empty: anywhere.
  ///   - ioThreadCPUs: Where the VMM's I/O thread runs; empty: anywhere.
  init(
    index: Int, program: any PeerProgram, vcpuCount: Int, affinity: [CPUSet], ioThreadCPUs: CPUSet,
    memoryNode: Int
  ) {
    self.index = index
    self.program = program
    self.vcpuCount = vcpuCount
    self.affinity = affinity
    self.ioThreadCPUs = ioThreadCPUs
    self.memoryNode = program.bindsMemory ? memoryNode : nil
  }

  func start() throws {
    do {
      threads = try program.findThreads()
      guard threads.vcpus.count == vcpuCount else {
        throw BenchFailure("it has \(threads.vcpus.count) vCPUs and not \(vcpuCount)", exitCode: .unavailable)
      }
      for (thread, cpus) in zip(threads.vcpus, affinity) { try thread.thread.pin(to: cpus) }
      if !ioThreadCPUs.isEmpty {
        for thread in threads.ioThreads { try thread.thread.pin(to: ioThreadCPUs) }
      }
      let counter = try PeerExitCounter(
        process: program.process.id, vcpuCount: vcpuCount, monitor: program.exitCounts)
      peer = PeerRecord(
        version: program.version, command: program.process.command, exitSource: counter.source)
      self.counter = counter
      try program.letRun()
    } catch let error as BenchFailure {
      throw BenchFailure("guest \(index): \(error.description)", exitCode: error.exitCode)
    }
  }

  func pause() throws { try program.pause() }

  var vcpuThreads: [ForeignThread] { threads.vcpus.map(\.thread) }

  var hasEnded: Bool { !program.process.isRunning }

  func exitCounts() throws -> ExitCounts {
    lastExits = try current(lastExits) { try counter?.exitCounts() ?? ExitCounts() }
    return lastExits
  }

  func vcpuNanoseconds() throws -> UInt64 {
    lastVCPUNanoseconds = try current(lastVCPUNanoseconds) { try Self.sum(threads.vcpus) }
    return lastVCPUNanoseconds
  }

  func ioThreadNanoseconds() throws -> UInt64 {
    lastIOThreadNanoseconds = try current(lastIOThreadNanoseconds) { try Self.sum(threads.ioThreads) }
    return lastIOThreadNanoseconds
  }

  private static func sum(_ threads: [ProcessThread]) throws -> UInt64 {
    try threads.reduce(0) { $0 + (try $1.cpuNanoseconds()) }
  }

  /// What `read` reads; of a process that has ended, or is about to, `last`.
  private func current<Value>(_ last: Value, _ read: () throws -> Value) throws -> Value {
    guard !hasEnded else { return last }
    do {
      return try read()
    } catch {
      guard program.process.wait(milliseconds: Self.endMilliseconds) else { throw error }
      return last
    }
  }

  func grantedPlacement() throws -> GrantedPlacement {
    GrantedPlacement(
      ioThreadCPUs: try threads.ioThreads.map { try $0.thread.grantedCPUs().description },
      vcpuCPUs: try threads.vcpus.map { try $0.thread.grantedCPUs().description },
      numaNode: memoryNode)
  }

  func verdict() -> String? { nil }

  func badEnd() -> String? {
    if program.hasPanicked { return "its kernel panicked" }
    return program.process.badEnd.map {
      [$0, program.process.lastWords].filter { !$0.isEmpty }.joined(separator: ": ")
    }
  }

  /// How the process ended, if badly, and not because its guest did.
  var processEnd: String? { program.hasPanicked ? nil : program.process.badEnd }

  func shutDown() -> [(path: String, errno: Errno)] {
    program.process.kill()
    return []
  }
}

/// What the JSON file says of another VMM.
struct PeerRecord: Codable, Equatable, Sendable {
  /// The version, as the program itself has it.
  var version: String
  /// The program and its arguments.
  var command: [String]
  /// Where its guests' exits were read.
  var exitSource: PeerExitSource
  /// How its process ended, where it died after its guest had done everything.
  var badEnd: String?

  enum CodingKeys: String, CodingKey {
    case version
    case command
    case exitSource = "exit_source"
    case badEnd = "bad_end"
  }
}
