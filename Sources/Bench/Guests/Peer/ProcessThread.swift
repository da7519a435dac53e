import Foundation
import HostSystem

/// A thread of another VMM's, as /proc shows it.
struct ProcessThread: Equatable, Sendable {
  /// The process.
  let process: Int32
  /// The thread.
  let thread: ForeignThread

  /// CPU time that it has used; the kernel's count, which it brings up to date at each tick and each switch.
  ///
  /// - Throws: ``BenchFailure`` if it has ended.
  func cpuNanoseconds(in files: KernelFiles = KernelFiles(root: "/")) throws -> UInt64 {
    let text = files.text("proc/\(process)/task/\(thread.id)/schedstat") ?? ""
    guard let nanoseconds = text.split(separator: " ").first.flatMap({ UInt64($0) }) else {
      throw BenchFailure(
        "thread \(thread.id) of process \(process) has no CPU time to read", exitCode: .general)
    }
    return nanoseconds
  }

  /// The threads of `process` by what they are called.
  static func named(
    of process: Int32, in files: KernelFiles = KernelFiles(root: "/")
  ) -> [(name: String, thread: ProcessThread)] {
    files.entries("proc/\(process)/task").compactMap { entry in
      guard let id = Int32(entry), let name = files.text("proc/\(process)/task/\(entry)/comm") else {
        return nil
      }
      return (name, ProcessThread(process: process, thread: ForeignThread(id: id)))
    }
  }

  /// A tick of the times in /proc, USER_HZ.
  private static let tickNanoseconds: UInt64 = 10_000_000

  /// User and system time of all threads of `process` so far, those that have ended included; to a tick of 10 ms. nil if there is no such
  /// process.
  static func cpuNanoseconds(
    ofProcess process: Int32, in files: KernelFiles = KernelFiles(root: "/")
  ) -> UInt64? {
    // The name, which is in parentheses, may have blanks. What follows begins with the state; the user time is the twelfth.
    let fields = files.text("proc/\(process)/stat")?.split(separator: ")").last?.split(separator: " ") ?? []
    guard fields.count > 12, let user = UInt64(fields[11]), let system = UInt64(fields[12]) else {
      return nil
    }
    return (user + system) * tickNanoseconds
  }
}
