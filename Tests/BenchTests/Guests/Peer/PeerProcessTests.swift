import Foundation
import HostSystem
import Testing

@testable import Bench

struct PeerProcessTests {
  private func shell(_ script: String, in folder: borrowing TemporaryFolder) throws -> PeerProcess {
    try PeerProcess(
      program: "/bin/sh", arguments: ["-c", script], outputPath: nil, errorPath: "\(folder.path)/errors")
  }

  @Test("a description in words says how a program ended, with its last line")
  func ends() throws {
    let folder = try TemporaryFolder()
    let failed = try shell("echo first >&2; echo cannot do it >&2; exit 3", in: folder)
    #expect(failed.wait(milliseconds: 10_000))
    #expect(failed.badEnd == "it ended with code 3")
    #expect(failed.lastWords == "cannot do it")
    let killed = try shell("kill -9 $$", in: folder)
    #expect(killed.wait(milliseconds: 10_000))
    #expect(killed.badEnd == "signal 9 ended it")
    let well = try shell("exit 0", in: folder)
    #expect(well.wait(milliseconds: 10_000))
    #expect(well.badEnd == nil)
  }

  @Test("a program that does not end is killed with its owner")
  func killed() throws {
    let folder = try TemporaryFolder()
    var id: Int32 = 0
    do {
      let process = try shell("exec sleep 1000", in: folder)
      id = process.id
      #expect(process.isRunning)
      #expect(!process.wait(milliseconds: 20))
    }
    #expect(!FileManager.default.fileExists(atPath: "/proc/\(id)/task"))
  }

  @Test("a missing program is a failure that names it")
  func missing() throws {
    let folder = try TemporaryFolder()
    let process = try PeerProcess(
      program: "/no/such/vmm", arguments: [], outputPath: nil, errorPath: "\(folder.path)/errors")
    #expect(process.wait(milliseconds: 10_000))
    #expect(process.badEnd != nil)
    #expect(process.lastWords.contains("/no/such/vmm"))
  }

  @Test("a thread of another process is pinned, and its CPU time is read")
  func threads() throws {
    let folder = try TemporaryFolder()
    let process = try shell("while :; do :; done", in: folder)
    let end = Date(timeIntervalSinceNow: 20)
    var thread: ProcessThread?
    while thread == nil, Date() < end {
      thread = ProcessThread.named(of: process.id).first { $0.name == "sh" }?.thread
    }
    let found = try #require(thread)
    let cpu = try #require(HostThread.currentCPUs().sorted.last)
    try found.thread.pin(to: CPUSet([cpu]))
    #expect(try found.thread.grantedCPUs() == CPUSet([cpu]))
    while try found.cpuNanoseconds() == 0, Date() < end { HostClock.sleep(nanoseconds: 1_000_000) }
    #expect(try found.cpuNanoseconds() > 0)
    process.kill()
    #expect(throws: BenchFailure.self) { try found.cpuNanoseconds() }
  }
}
