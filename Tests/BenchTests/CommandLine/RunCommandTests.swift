import Hypervisor
import ArgumentParser
import MicroGuest
import Testing

@testable import Bench

struct RunCommandTests {
  private func configuration(_ arguments: [String], diskByteCount: UInt64? = nil) throws -> RunConfiguration {
    let command = try RunCommand.parse(arguments)
    let decision = GuestDecision(kind: command.machines.guest == .linux ? .linux : .micro, reason: "")
    return command.runConfiguration(
      diskByteCount: diskByteCount, seed: 42, decision: decision, kernel: "/boot/k")
  }

  @Test("without options, all modes are compared with the documented defaults")
  func defaults() throws {
    let configuration = try configuration([])
    #expect(configuration.modes == [.virtioBlock, .virtioBlockPolled, .vext])
    #expect(configuration.guest == .micro)
    #expect(configuration.guestCount == 1)
    #expect(configuration.workerCount == 1)
    #expect(configuration.ioThreadCount == 1)
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
    #expect(configuration.exitCounting == .stats)
  }

  @Test("every option reaches the configuration")
  func allOptions() throws {
    let configuration = try configuration([
      "--mode", "vext", "--guest", "micro", "--guests", "2", "--workers", "3", "--io-threads", "2",
      "--engine",
      "sync",
      "--rw", "randrw", "--bs", "8k", "--iodepth", "16", "--size", "1g", "--runtime", "1.5", "--warmup", "1s",
      "--repeat", "4", "--no-direct", "--verify", "--io-thread-cpus", "0-1", "--vcpu-cpus", "2-7",
      "--numa-node",
      "1",
      "--seed", "9", "--requests", "1000", "--output", "x.csv", "--dry-run", "--quiet",
      "--exits", "trace",
    ])
    #expect(configuration.exitCounting == .trace)
    #expect(configuration.modes == [.vext])
    #expect(configuration.guestCount == 2)
    #expect(configuration.workerCount == 3)
    #expect(configuration.ioThreadCount == 2)
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
    #expect(configuration.ioThreadCPUs == [0, 1])
    #expect(configuration.vcpuCPUs == [2, 3, 4, 5, 6, 7])
    #expect(configuration.numaNode == 1)
    #expect(configuration.seed == 9)
    #expect(configuration.requestLimit == 1000)
  }

  @Test("vext-adaptive adapts to everything unless the user says otherwise, and other modes to nothing")
  func adaptation() throws {
    let usual = try configuration([])
    #expect(usual.adaptations == nil)
    #expect(usual.adaptations(of: .vextAdaptive) == [.guestYield, .ioThread, .load])
    #expect(usual.adaptations(of: .virtioBlockTuned).isEmpty)
    let none = try configuration(["--adaptation", "none"]).adaptations(of: .vextAdaptive)
    #expect(none.ofDriver.isEmpty && none.ofIOThread.isEmpty)
    let parts = try configuration(["--adaptation", "guest-sleep,load"]).adaptations(of: .vextAdaptive)
    #expect(parts.ofDriver == [.sleeps, .load])
    #expect(parts.ofIOThread == .load)
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

  @Test("the default size fits the disk, in whole I/O blocks")
  func defaultSize() throws {
    #expect(try configuration([], diskByteCount: 10_000).regionSize.byteCount == 8192)
    #expect(try configuration([], diskByteCount: 1 << 40).regionSize.byteCount == 256 << 20)
    #expect(try configuration(["--size", "4k"], diskByteCount: 1 << 40).regionSize.byteCount == 4096)
  }

  @Test(
    "a wrong command line is a usage error, exit code 64",
    arguments: [
      ["--adaptation", "none,load"], ["--adaptation", "load,load"],
      ["--adaptation", "guest-yield,guest-sleep"],
      ["--mode", "nvme"], ["--mode", ""], ["--mode", "vext,"], ["--mode", "vext,vext"],
      ["--mode", "vext", "--mode", "vext"], ["--bogus"], ["stray"], ["--guest", "bsd"],
      ["--guests", "0"], ["--guests", "65"], ["--guests", "x"], ["--busy-guests", "0"],
      ["--guests", "2", "--busy-guests", "3"], ["--guest", "linux", "--guests", "2", "--busy-guests", "1"],
      ["--workers", "0"], ["--workers", "65"],
      ["--io-threads", "0"], ["--io-threads", "17"], ["--engine", "spdk"], ["--rw", "trim"],
      ["--bs", "0"], ["--bs", "1000"], ["--bs", "4q"], ["--bs", "32m"], ["--iodepth", "0"],
      ["--iodepth", "1025"],
      ["--size", "0"], ["--size", "5000"], ["--size", "4k", "--workers", "2"],
      ["--runtime", "0"], ["--runtime", "-1"], ["--runtime", "2d"], ["--warmup", "x"],
      ["--requests", "0"], ["--requests", "-1"], ["--repeat", "0"], ["--repeat", "10001"],
      ["--io-thread-cpus", "0,0"], ["--io-thread-cpus", "0-1"], ["--vcpu-cpus", "1-2"],
      ["--numa-node", "-1"],
      ["--verify", "--engine", "null"], ["--verify", "--guests", "2", "--disk", "disk.img"],
      ["--guest", "micro", "--fs", "none"], ["--guest", "micro", "--job", "x.fio"], ["--fs", "zfs"],
      ["--guest", "linux", "--fs", "xfs", "--mkfs", "ext2"],
      ["--guest", "linux", "--fs", "none", "--mkfs", "ext2"],
      ["--guest", "linux", "--mkfs", "xfs"], ["--guest", "linux", "--mode", "virtio-fs", "--fs", "9p-none"],
      ["--guest", "micro", "--mode", "host"], ["--guest", "linux", "--mode", "virtio-9p", "--fs", "ext4"],
      ["--guest", "linux", "--mode", "virtio-9p", "--fs", "9p-none", "--disk", "disk.img"],
      ["--guest", "linux", "--mode", "host", "--fs", "ext4", "--guests", "2"],
      ["--guest", "micro", "--cold-cache", "--warmup", "0"], ["--guest", "linux", "--cold-cache"],
      ["--guest", "linux", "--cold-cache", "--warmup", "0", "--verify"],
      ["--guest", "linux", "--cold-cache", "--warmup", "0", "--fs", "none", "--engine", "null"],
      ["--fs", "ext4,ext4"], ["--guest", "linux", "--fs", "fuse-on-virtio", "--mode", "vext"],
      ["--guest", "linux", "--ioengine", "io_uring-hipri", "--mode", "virtio-blk"],
      ["--guest", "linux", "--ioengine", "io_uring-hipri", "--mode", "vext", "--fs", "ext4", "--no-direct"],
      ["--fs", "fuse-vext", "--mode", "virtio-blk"],
      ["--guest", "linux", "--engine", "null"], ["--memory", "64m"], ["--memory", "129m,"],
      ["--guest", "linux", "--guests", "2", "--disk", "disk.img"],
      ["--guest", "linux", "--ioengine", "sync", "--iodepth", "2"],
      ["--guest", "linux", "--size", "4k", "--bs", "512", "--workers", "2"],
      ["--mode", "vext", "--adaptation", "none"], ["--mode", "vext", "--rebalance"],
      ["--guest", "linux", "--mode", "virtio-blk", "--fs", "ext4", "--io-threads", "2", "--rebalance"],
      ["--mode", "vext", "--engine", "null", "--drop-caches"],
      ["--mode", "vext", "--engine", "memory", "--no-direct"],
      ["--output", ""], ["--output", "folder/"], ["--output", "rows.json"], ["--disk"],
    ])
  func usageErrors(arguments: [String]) {
    let error = #expect(throws: (any Error).self) { try BenchCommand.parseAsRoot(["run"] + arguments) }
    #expect(error.map(BenchCommand.exitCode(for:)) == .validationFailure)
  }

  @Test(
    "an option without effect is refused, and the error message names it",
    arguments: [
      ("--mode vext --adaptation none", "--adaptation has no effect: it needs --mode vext-adaptive"),
      ("--mode vext --rebalance", "--rebalance has no effect: queues move between I/O threads"),
      ("--mode vext --engine null --drop-caches", "--drop-caches has no effect: --engine null uses no file"),
      ("--mode vext --engine memory --no-direct", "--no-direct has no effect: --engine memory uses no file"),
      (
        "--guest linux --mode host --fs ext4 --engine io_uring",
        "--engine io_uring has no effect: --mode host"
      ),
      ("--guest linux --mode host --fs ext4 --io-threads 4", "--io-threads 4 has no effect: --mode host"),
      ("--guest linux --mode host --fs ext4 --idle 3s", "--idle has no effect: --mode host has neither"),
      ("--guest linux --mode host --fs ext4 --vcpu-cpus 0", "--vcpu-cpus has no effect: --mode host"),
      ("--guest linux --mode virtio-9p --fs 9p-none --engine sync", "--engine sync has no effect: a shared"),
      (
        "--guest linux --mode virtio-blk --fs ext4 --job x.fio --iodepth 4",
        "--iodepth 4 has no effect: with --job"
      ),
    ])
  func optionsWithoutEffect(words: String, message: String) {
    let arguments = words.split(separator: " ").map(String.init)
    let error = #expect(throws: (any Error).self) { try BenchCommand.parseAsRoot(["run"] + arguments) }
    #expect(error.map(BenchCommand.exitCode(for:)) == .validationFailure)
    #expect(error.map(BenchCommand.message(for:))?.contains(message) == true)
  }

  @Test(
    "an option that has an effect on one path is taken",
    arguments: [
      "--mode vext,vext-adaptive --adaptation none", "--mode vext --workers 2 --io-threads 2 --rebalance",
      "--guest linux --mode virtio-blk,host --fs ext4 --idle 3s --memory 256m --io-threads 2",
      "--guest linux --mode virtio-blk --fs none --engine null --no-direct", "--engine null",
      "--adaptation load",
    ])
  func optionsWithEffect(words: String) throws {
    _ = try BenchCommand.parseAsRoot(["run"] + words.split(separator: " ").map(String.init))
  }

  @Test("without modes of the user's, the host decides whether --adaptation has an effect")
  func adaptationOfUsualModes() throws {
    let command = try RunCommand.parse(["--adaptation", "load"])
    var configuration = command.runConfiguration(
      diskByteCount: nil, seed: 1, decision: command.likelyDecision)
    #expect(throws: InvalidConfiguration.self) { try command.checkEffects(in: configuration) }
    configuration.giveUpSharedCPUs()
    try command.checkEffects(in: configuration)
  }

  @Test("the plan of a run without a machine has no CPUs, no idle time and no boot")
  func planWithoutMachine() throws {
    let configuration = try configuration([
      "--guest", "linux", "--mode", "host", "--fs", "ext4", "--runtime", "2s", "--warmup", "1s",
    ])
    let placement = try RunPlacement(configuration, scratchFolder: "/").record
    #expect(!placement.oversubscribed && placement.ioThreadCPUs.isEmpty && placement.vcpuCPUs.isEmpty)
    let text = RunPlan(configuration).description(of: configuration, placement: placement)
    #expect(text.contains("machines     none: fio runs on the host, 1 worker(s), nothing is pinned"))
    #expect(text.contains("about 4.0 s"))
    for word in ["cores", "CPUs", "I/O threads", "NUMA"] { #expect(!text.contains(word), "\(word)") }
  }

  @Test("a Linux guest has defaults of its own")
  func linuxDefaults() throws {
    let configuration = try configuration(["--guest", "linux"])
    #expect(configuration.guest == .linux)
    #expect(
      configuration.paths == [
        DataPath(.virtioBlock, .ext4), DataPath(.virtioBlockPolled, .ext4), DataPath(.vext, .ext4),
        DataPath(.vext, .fuseVext),
      ])
    let linux = try #require(configuration.linux)
    #expect(linux.memory.byteCount == 512 << 20)
    #expect(linux.ioengine == .libaio)
    #expect(linux.idleSpan == configuration.runtime)
    #expect(linux.kernelPath == "/boot/k")
    #expect(linux.job == nil)
    #expect(!configuration.dropsCaches)
  }

  @Test("every option of a Linux guest reaches the configuration")
  func linuxOptions() throws {
    let configuration = try configuration([
      "--guest", "linux", "--mode", "virtio-blk", "--fs", "none,ext4", "--fs", "fuse-on-virtio", "--ioengine",
      "io_uring",
      "--kernel", "/k", "--initrd", "/i", "--params", "idle=poll", "--memory", "1g", "--idle", "250ms",
      "--drop-caches",
    ])
    #expect(
      configuration.paths == [
        DataPath(.virtioBlock), DataPath(.virtioBlock, .ext4), DataPath(.virtioBlock, .fuseOnVirtio),
      ])
    let linux = try #require(configuration.linux)
    #expect(linux.kernelPath == "/k")
    #expect(linux.initrdPath == "/i")
    #expect(linux.kernelParameters == "idle=poll")
    #expect(linux.memory.byteCount == 1 << 30)
    #expect(linux.ioengine == .iouring)
    #expect(linux.idleSpan == .milliseconds(250))
    #expect(configuration.dropsCaches)
  }

  @Test("crossed lists leave out what does not exist, and name it")
  func leftOut() throws {
    var configuration = try configuration([
      "--guest", "linux", "--mode", "virtio-blk,vext", "--fs", "ext4,fuse-vext",
    ])
    let (virtio, vext) = (DataPath(.virtioBlock, .ext4), DataPath(.vext, .fuseVext))
    #expect(configuration.paths == [virtio, DataPath(.vext, .ext4), vext])
    #expect(configuration.pathsLeftOut == [DataPath(.virtioBlock, .fuseVext)])
    configuration.driverAbsence = "no driver for this kernel"
    #expect(configuration.paths == [virtio, vext])
    let text = RunPlan(configuration).description(of: configuration, placement: RunFixture.placement)
    #expect(text.contains("left out     virtio-blk/fuse-vext: there is no such path"))
    #expect(text.contains("left out     vext/ext4: no driver for this kernel"))
  }

  @Test("where the block driver is missing, a run of its paths alone says so")
  func missingBlockDriver() throws {
    var configuration = try configuration(["--guest", "linux", "--mode", "vext", "--fs", "none"])
    configuration.driverAbsence = "no driver for this kernel"
    let error = #expect(throws: InvalidConfiguration.self) { try configuration.validate() }
    #expect(error?.description.contains("vext with none cannot run here: no driver") == true)
  }

  @Test("a path that does not exist is refused with those that do")
  func vextWithoutPath() {
    let error = #expect(throws: (any Error).self) {
      try BenchCommand.parseAsRoot(["run", "--guest", "linux", "--mode", "vext", "--fs", "fuse-on-virtio"])
    }
    let message = error.map(BenchCommand.message(for:)) ?? ""
    #expect(message.contains("vext with fuse-on-virtio"))
    #expect(message.contains("--mode vext takes --fs none, ext4, xfs or fuse-vext"))
    #expect(
      message.contains("--fs fuse-on-virtio takes --mode virtio-blk, virtio-blk-poll or virtio-blk-tuned"))
  }

  @Test("image type and cold caches reach the configuration, the plan and the row")
  func coldImages() throws {
    let configuration = try configuration([
      "--guest", "linux", "--mode", "virtio-blk", "--fs", "none,ext4", "--mkfs", "ext2", "--cold-cache",
      "--warmup", "0", "--no-direct", "--ioengine", "sync",
    ])
    try configuration.validate()
    #expect(configuration.imageType(for: .ext4) == .ext2)
    #expect(configuration.imageType(for: .none) == nil)
    #expect(configuration.startsCold == true)
    let text = RunPlan(configuration).description(of: configuration, placement: RunFixture.placement)
    #expect(text.contains("through the page cache, ext2, cold caches"))
    var context = RunFixture.context
    context.configuration = configuration
    var cell = RunFixture.cell
    (cell.mode, cell.fileSystem) = (.virtioBlock, .ext4)
    let row = RunRecord(context: context, cell: cell, measurement: RunFixture.linuxMeasurement())
    #expect(row.imageType == "ext2" && row.startsCold == true)
    cell.fileSystem = .none
    #expect(
      RunRecord(context: context, cell: cell, measurement: RunFixture.linuxMeasurement()).imageType == nil)
  }

  @Test("a run without a machine needs no KVM, and room for XFS is made")
  func pathsWithoutMachine() throws {
    let host = try configuration(["--guest", "linux", "--mode", "host", "--fs", "ext4,fuse-on-image"])
    #expect(host.paths.map(\.name) == ["host/ext4", "host/fuse-on-image"])
    #expect(!host.needsMachine)
    let xfs = try configuration(["--guest", "linux", "--fs", "xfs", "--mode", "virtio-blk", "--size", "8m"])
    #expect(xfs.scratchDiskSize.byteCount == 320 << 20)
    let folder = try configuration([
      "--guest", "linux", "--fs", "virtiofs-none", "--mode", "virtio-fs", "--size", "8m",
    ])
    #expect(folder.scratchDiskSize.byteCount == 8 << 20)
  }

  @Test("polling by fio is refused on a path that cannot, by its name")
  func polledEngine() {
    let error = #expect(throws: (any Error).self) {
      try BenchCommand.parseAsRoot([
        "run", "--guest", "linux", "--mode", "vext,virtio-blk", "--fs", "ext4", "--ioengine",
        "io_uring-hipri",
      ])
    }
    #expect(error.map(BenchCommand.message(for:))?.contains("virtio-blk/ext4 has none") == true)
  }

  @Test("a disk with a file system on it leaves room for that")
  func sizeWithFileSystem() throws {
    let configuration = try configuration(["--guest", "linux"], diskByteCount: 200 << 20)
    #expect(configuration.regionSize.byteCount == (136 << 20) / 17 * 16 / 4096 * 4096)
    #expect(configuration.scratchDiskSize.byteCount <= 201 << 20)
    #expect(
      try self.configuration(["--guest", "linux", "--fs", "none"]).scratchDiskSize.byteCount == 256 << 20)
  }

  @Test("an unknown mode's message names those that exist")
  func unknownMode() {
    let error = #expect(throws: (any Error).self) { try BenchCommand.parseAsRoot(["run", "--mode", "nvme"]) }
    let message = error.map(BenchCommand.message(for:)) ?? ""
    #expect(message.contains("nvme"))
    #expect(DataPathMode.allCases.allSatisfy { message.contains("  - \($0.rawValue)") }, "\(message)")
  }

  @Test(
    "the options of round-trip are checked as well",
    arguments: [["--cpus", "1"], ["--cpus", "0-2"], ["--runtime", "0"], ["--repeat", "0"]])
  func roundTripUsageErrors(arguments: [String]) {
    let error = #expect(throws: (any Error).self) { try BenchCommand.parseAsRoot(["round-trip"] + arguments) }
    #expect(error.map(BenchCommand.exitCode(for:)) == .validationFailure)
  }
}
