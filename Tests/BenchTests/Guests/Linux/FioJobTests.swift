import ArgumentParser
import Foundation
import Testing

@testable import Bench

struct FioJobTests {
  private static func configuration(_ arguments: [String]) throws -> RunConfiguration {
    try RunCommand.parse(["--guest", "linux"] + arguments).runConfiguration(
      diskByteCount: nil, seed: 1, decision: GuestDecision(kind: .linux, reason: ""))
  }

  private static func lines(
    _ arguments: [String], _ fileSystem: GuestFileSystem, over mode: DataPathMode = .virtioBlock
  ) throws -> [String] {
    let job = FioJob(
      configuration: try configuration(arguments), path: DataPath(mode, fileSystem), seed: 7)
    return try job.texts().flatMap { $0.split(separator: "\n").map(String.init) }
  }

  @Test func `a job on blocks gives each worker a slice of the device`() throws {
    let lines = try Self.lines(
      [
        "--rw", "randwrite", "--bs", "8k", "--iodepth", "16", "--workers", "4", "--size", "1m", "--runtime",
        "1.5",
        "--warmup", "250ms", "--no-direct", "--ioengine", "io_uring",
      ], .none)
    for line in [
      "ioengine=io_uring", "bs=8192", "iodepth=16", "direct=0", "filename=/dev/vda",
      "size=262144",
      "offset=0", "offset=262144", "offset=786432", "[bench3]", "rw=randwrite", "runtime=1500000us",
      "ramp_time=250000us", "time_based=1",
      "group_reporting=1", "lat_percentiles=1", "randseed=7",
    ] { #expect(lines.contains(line)) }
    #expect(lines.first == "[global]")
  }

  @Test func `a job in a file system gives each worker a file, which is made with the file system`() throws {
    let arguments = ["--workers", "3", "--size", "1m"]
    let lines = try Self.lines(arguments, .ext4)
    #expect(lines.filter { $0.hasPrefix("filename=") } == (0..<3).map { "filename=/run/fs/bench.\($0)" })
    #expect(!lines.contains { $0.hasPrefix("offset") })
    let files = FioJob.files(try Self.configuration(arguments))
    #expect(files.map(\.name) == ["bench.0", "bench.1", "bench.2"])
    // In whole blocks of 4 KiB.
    #expect(files.allSatisfy { $0.byteCount == 85 * 4096 })
    #expect(lines.contains("size=\(85 * 4096)"))
  }

  @Test func `fio on the shared queue's block device may poll for completions`() throws {
    let path = ["--mode", "vext", "--fs", "none"]
    let lines = try Self.lines(path + ["--ioengine", "io_uring-hipri"], .none, over: .vext)
    for line in ["filename=/dev/vext0", "ioengine=io_uring", "hipri=1"] { #expect(lines.contains(line)) }
    let waiting = try Self.lines(path + ["--ioengine", "io_uring"], .none, over: .vext)
    #expect(!waiting.contains { $0.hasPrefix("hipri") })
  }

  @Test func `a limit of requests ends the job instead of a time`() throws {
    let lines = try Self.lines(["--requests", "100", "--bs", "4k"], .none)
    #expect(lines.contains("io_size=409600"))
    #expect(!lines.contains { $0.hasPrefix("runtime") || $0.hasPrefix("time_based") })
    let both = try Self.lines(["--requests", "100", "--runtime", "2s"], .none)
    #expect(both.contains("runtime=2000000us"))
    #expect(!both.contains("time_based=1"))
  }

  @Test func `from cold caches each block is used once, and what is written is flushed`() throws {
    let lines = try Self.lines(["--cold-cache", "--warmup", "0", "--no-direct", "--ioengine", "sync"], .ext4)
    for line in ["ioengine=sync", "direct=0", "end_fsync=1", "runtime=3000000us"] {
      #expect(lines.contains(line))
    }
    for key in ["norandommap", "ramp_time", "time_based"] { #expect(!lines.contains { $0.hasPrefix(key) }) }
  }

  @Test func `without a machine the files are where the host mounted them`() throws {
    let job = FioJob(
      configuration: try Self.configuration(["--mode", "host", "--fs", "ext4"]), path: DataPath(.host, .ext4),
      seed: 1, folder: "/mount")
    #expect(try job.texts().joined().contains("filename=/mount/bench.0\n"))
  }

  @Test func `verification of a reading pattern writes first`() throws {
    let lines = try Self.lines(["--verify", "--rw", "randread", "--workers", "2"], .ext4)
    let fill = try #require(lines.firstIndex(of: "[fill0]"))
    let bench = try #require(lines.firstIndex(of: "[bench0]"))
    #expect(fill < bench)
    #expect(lines[fill...].contains("do_verify=0"))
    #expect(lines[bench...].contains("stonewall"))
    // All workers read when all have written.
    #expect(lines.count { $0 == "stonewall" } == 1)
    #expect(!lines.contains { $0.hasPrefix("runtime") })
    let writing = try Self.lines(["--verify", "--rw", "randwrite"], .ext4)
    #expect(writing.contains("verify=crc32c"))
    #expect(!writing.contains("[fill0]"))
  }
}
