import Hypervisor
import ArgumentParser
import Testing

@testable import Bench

struct RunCommandTests {
  private func configuration(_ arguments: [String], diskByteCount: UInt64? = nil) throws -> RunConfiguration {
    try RunCommand.parse(arguments).runConfiguration(diskByteCount: diskByteCount, seed: 42)
  }

  @Test("without options, all modes are compared with the documented defaults")
  func defaults() throws {
    let configuration = try configuration([])
    #expect(configuration.modes == [.virtioBlock, .virtioBlockPolled, .vext])
    #expect(configuration.guest == .micro)
    #expect(configuration.guestCount == 1)
    #expect(configuration.workerCount == 1)
    #expect(configuration.pollerCount == 1)
    #expect(configuration.engine == .libaio)
    #expect(configuration.rw == .randread)
    #expect(configuration.blockSize.byteCount == 4096)
    #expect(configuration.iodepth == 1)
    #expect(configuration.regionSize.byteCount == 256 << 20)
    #expect(configuration.runtime?.seconds == 3)
    #expect(configuration.warmup.seconds == 0.5)
    #expect(configuration.repetitionCount == 1)
    #expect(configuration.diskPath == nil)
    #expect(configuration.usesDirectIO)
    #expect(!configuration.verifies)
    #expect(configuration.requestLimit == nil)
    #expect(configuration.seed == 42)
  }

  @Test("every option reaches the configuration")
  func allOptions() throws {
    let configuration = try configuration([
      "--mode", "vext", "--guest", "micro", "--guests", "2", "--workers", "3", "--pollers", "2", "--engine",
      "sync",
      "--rw", "randrw", "--bs", "8k", "--iodepth", "16", "--size", "1g", "--runtime", "1.5", "--warmup", "1s",
      "--repeat", "4", "--no-direct", "--verify", "--poller-cpu", "0-1", "--vcpu-cpus", "2-7", "--numa-node",
      "1",
      "--seed", "9", "--requests", "1000", "--output", "x.csv", "--dry-run", "--quiet",
    ])
    #expect(configuration.modes == [.vext])
    #expect(configuration.guestCount == 2)
    #expect(configuration.workerCount == 3)
    #expect(configuration.pollerCount == 2)
    #expect(configuration.engine == .sync)
    #expect(configuration.rw == .randrw)
    #expect(configuration.blockSize.byteCount == 8192)
    #expect(configuration.iodepth == 16)
    #expect(configuration.regionSize.byteCount == 1 << 30)
    #expect(configuration.runtime?.seconds == 1.5)
    #expect(configuration.warmup.seconds == 1)
    #expect(configuration.repetitionCount == 4)
    #expect(!configuration.usesDirectIO)
    #expect(configuration.verifies)
    #expect(configuration.pollerCPUs == [0, 1])
    #expect(configuration.vcpuCPUs == [2, 3, 4, 5, 6, 7])
    #expect(configuration.numaNode == 1)
    #expect(configuration.seed == 9)
    #expect(configuration.requestLimit == 1000)
  }

  @Test("modes can be repeated, separated by commas, or both, and keep their order")
  func modes() throws {
    #expect(try configuration(["--mode", "vext,virtio-blk"]).modes == [.vext, .virtioBlock])
    #expect(
      try configuration(["--mode", "vext", "--mode", "virtio-blk-poll,virtio-blk"]).modes
        == [.vext, .virtioBlockPolled, .virtioBlock])
  }

  @Test("a number of requests takes the place of the runtime, unless both are given")
  func requestLimit() throws {
    #expect(try configuration(["--requests", "10"]).runtime == nil)
    let both = try configuration(["--requests", "10", "--runtime", "1s"])
    #expect(both.runtime?.seconds == 1)
    #expect(both.requestLimit == 10)
  }

  @Test("the default size fits the disk, in whole blocks")
  func defaultSize() throws {
    #expect(try configuration([], diskByteCount: 10_000).regionSize.byteCount == 8192)
    #expect(try configuration([], diskByteCount: 1 << 40).regionSize.byteCount == 256 << 20)
    #expect(try configuration(["--size", "4k"], diskByteCount: 1 << 40).regionSize.byteCount == 4096)
  }

  @Test(
    "a wrong command line is a usage error, exit code 64",
    arguments: [
      ["--mode", "nvme"], ["--mode", ""], ["--mode", "vext,"], ["--mode", "vext,vext"],
      ["--mode", "vext", "--mode", "vext"], ["--bogus"], ["stray"], ["--guest", "linux"],
      ["--guests", "0"], ["--guests", "65"], ["--guests", "x"], ["--workers", "0"], ["--workers", "65"],
      ["--pollers", "0"], ["--pollers", "17"], ["--engine", "io_uring"], ["--rw", "trim"],
      ["--bs", "0"], ["--bs", "1000"], ["--bs", "4q"], ["--bs", "32m"], ["--iodepth", "0"],
      ["--iodepth", "1025"],
      ["--size", "0"], ["--size", "5000"], ["--size", "4k", "--workers", "2"],
      ["--runtime", "0"], ["--runtime", "-1"], ["--runtime", "2d"], ["--warmup", "x"],
      ["--requests", "0"], ["--requests", "-1"], ["--repeat", "0"], ["--repeat", "10001"],
      ["--poller-cpu", "0,0"], ["--poller-cpu", "0-1"], ["--vcpu-cpus", "1-2"], ["--numa-node", "-1"],
      ["--verify", "--engine", "null"], ["--verify", "--guests", "2", "--disk", "disk.img"],
      ["--output", ""], ["--output", "folder/"], ["--output", "rows.json"], ["--disk"],
    ])
  func usageErrors(arguments: [String]) {
    let error = #expect(throws: (any Error).self) { try BenchCommand.parseAsRoot(["run"] + arguments) }
    #expect(error.map(BenchCommand.exitCode(for:)) == .validationFailure)
  }

  @Test("an unknown mode's message names those that exist")
  func unknownMode() {
    let error = #expect(throws: (any Error).self) { try BenchCommand.parseAsRoot(["run", "--mode", "nvme"]) }
    let message = error.map(BenchCommand.message(for:)) ?? ""
    #expect(message.contains("nvme"))
    #expect(message.contains("'virtio-blk', 'virtio-blk-poll' or 'vext'"))
  }

  @Test(
    "the floor's options are checked as well",
    arguments: [["--cpus", "1"], ["--cpus", "0-2"], ["--runtime", "0"], ["--repeat", "0"]])
  func floorUsageErrors(arguments: [String]) {
    let error = #expect(throws: (any Error).self) { try BenchCommand.parseAsRoot(["floor"] + arguments) }
    #expect(error.map(BenchCommand.exitCode(for:)) == .validationFailure)
  }
}
