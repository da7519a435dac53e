import Foundation
import Testing

@testable import Bench

/// The built program, as a user's shell sees it. Nothing here gets as far as needing /dev/kvm.
struct BenchProcessTests {
  @Test(
    "what cannot be run says why on standard error, exits with the right code, and leaves no file",
    arguments: [
      (["run", "--mode", "nvme"], 64, "'nvme' is invalid"),
      (["run", "--bs", "1000"], 64, "--bs must be a multiple of 512"),
      (["run", "--disk", "missing.img"], 66, "cannot open the disk missing.img: No such file or directory"),
      (["run", "--disk", "."], 66, "is a directory"),
      // Names of one character, which Foundation's NSString cannot take apart.
      (["run", "--disk", "m"], 66, "cannot open the disk m: No such file or directory"),
      (["run", "--output", "q", "--disk", "m"], 66, "cannot open the disk m: No such file or directory"),
      (
        ["run", "--dry-run", "--guest", "linux", "--mode", "virtio-blk", "--fs", "none", "--job", "j"], 66,
        "cannot read the job file j"
      ),
      (["report", "--from", "r", "--output", "o"], 66, "r does not exist"),
      (["bundle", "r", "--output", "o"], 66, "r does not exist"),
      (["run", "--disk", "tiny.img"], 65, "has 100 bytes: less than one I/O block"),
      (
        ["run", "--disk", "small.img", "--size", "64k"], 64,
        "--size 64k is more than the 8192 bytes of small.img"
      ),
      (["run", "--disk", "small.img", "--workers", "4"], 64, "--size must hold one block (4k) for each"),
      (["run", "--output", "no/such/folder.csv"], 73, "no/such, does not exist"),
      (["bogus"], 64, "Unexpected argument 'bogus'"),
      (["floor", "--repeat", "2"], 64, "bench floor is now called bench round-trip"),
      (["run", "--vmm", "vext"], 64, "--vmm vext is now called --vmm builtin"),
      (["run", "--vmm", "lkvm", "--guest", "linux"], 64, "--vmm lkvm is now called --vmm kvmtool"),
      (["run", "--pollers", "many"], 64, "'many' is invalid"),
      (
        ["compare", "--a", "--vmm vext", "--b", "", "--", "--mode", "vext"], 64, "is now called --vmm builtin"
      ),
      (["matrix", "missing.yaml"], 66, "cannot read the scenario missing.yaml"),
      (["matrix", "tiny.img"], 65, "tiny.img"),
      (["matrix", "--resume", "missing"], 66, "missing holds no experiment"),
      (["compare", "a.csv", "b.csv"], 66, "a.csv does not exist"),
      (["compare", "tiny.img", "small.img"], 65, "tiny.img:1: "),
      (["compare", "tiny.img", "HEAD"], 64, "tiny.img is a file and HEAD is not"),
      (["compare", "--a", "", "--b", ""], 64, "side a: name one mode with --mode"),
      (
        ["compare", "--a", "--mode vext", "--b", "--mode vext --bogus"], 64,
        "side b: Unknown option '--bogus'"
      ),
      (["run", "--guest", "martian"], 64, "'martian' is invalid"),
      (
        [
          "run", "--dry-run", "--guest", "linux", "--mode", "virtio-blk", "--fs", "none", "--job",
          "missing.fio",
        ], 66,
        "cannot read the job file missing.fio"
      ),
      (["matrix", "job.yaml"], 66, "cannot read the job file missing.fio"),
      (["matrix", "job.yaml", "--shard", "1/2"], 64, "--shard 1/2 needs a seed"),
      (["matrix", "job.yaml", "--shard", "3/2"], 64, "The value '3/2' is invalid"),
      (["merge", "missing", "--output", "whole"], 66, "missing holds no experiment"),
      (["merge", "missing"], 64, "--output"),
      (["diff-hosts", "missing", "missing"], 66, "missing does not exist"),
      (["compare", "HEAD", "HEAD~1", "--", "--mode", "vext"], 64, "lies in no git checkout"),
      (["compare", "--baseline", ".", "--", "--mode", "vext"], 5, "--update-baseline makes one"),
      (["history"], 66, "results does not exist"),
      (["figures", "--output", "f"], 66, "results/runs does not exist"),
      (["figures", "--from", ".", "--output", "f"], 66, ". holds no rows of bench"),
      (["figures", "--from", "tiny.img", "--output", "f"], 65, "tiny.img:1: "),
      (["figures", "--output", ""], 64, "--output must name a folder"),
      (
        ["figures", "--from", "tiny.img", "--output", "f", "--where", "colour=red"], 64, "--where colour=red"
      ),
      (["figures", "--from", "tiny.img", "--output", "f", "--where", "iops=1"], 64, "--where iops=1"),
      (
        ["figures", "--from", "tiny.img", "--output", "f", "--where", "pollers=1"], 64,
        "the column is now called io_threads"
      ),
      (
        ["figures", "--from", "tiny.img", "--output", "f", "--where", "vmm=lkvm"], 64,
        "lkvm is now called kvmtool"
      ),
      (["report", "--from", "missing.csv", "--output", "r.html"], 66, "missing.csv does not exist"),
      (["report", "--output", "folder/"], 64, "--output must name a file"),
      (["fs", "--fs", "fuse-vext,xfs"], 64, "'fuse-vext,xfs' is invalid"),
      (["fs", "--fs", "ext4,ext4"], 64, "--fs names ext4 twice"),
      (["fs", "--workload", "bogus"], 64, "'bogus' is invalid"),
      (["fs", "--files", "0"], 64, "--files must be between 1 and 1000000, and is 0"),
      (["fs", "--size", "1000"], 64, "--size must be a multiple of 1m"),
      (["fs", "--runtime", "1ms"], 64, "--runtime must be at least 100ms"),
      (["fs", "--repeat", "0"], 64, "--repeat must be between 1 and 1000"),
      (["doctor", "--guests", "0"], 64, "--guests must be between"),
      (["doctor", "--io-thread-cpus", "8000"], 64, "there is no CPU 8000"),
      (["doctor", "--disk", "missing.img"], 66, "cannot open the disk missing.img"),
    ] as [([String], Int32, String)])
  func failures(arguments: [String], exitCode: Int32, message: String) throws {
    let folder = try TemporaryFolder()
    try Data(count: 100).write(to: URL(filePath: folder.file("tiny.img")))
    try Data(count: 8192).write(to: URL(filePath: folder.file("small.img")))
    let scenario = "name: job\nconstants: {mode: virtio-blk, fs: none, job: missing.fio}\nrepeat: 2\n"
    try Data(scenario.utf8).write(to: URL(filePath: folder.file("job.yaml")))
    let outcome = try BenchProgram.run(arguments, in: folder.path)
    #expect(outcome.exitCode == exitCode)
    #expect(outcome.errors.hasPrefix("bench: error: "))
    if exitCode == 64 { #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)") }
    #expect(outcome.errors.contains(message))
    #expect(outcome.output.isEmpty)
    #expect(try folder.entries == ["job.yaml", "small.img", "tiny.img"])
  }

  @Test func `options of earlier versions mean what they meant, with a warning`() throws {
    let folder = try TemporaryFolder()
    let run = ["run", "--dry-run", "--seed", "1", "--engine", "null", "--mode", "vext", "--guests", "2"]
    let former = try BenchProgram.run(run + ["--pollers", "2", "--poller-cpu", "0"], in: folder.path)
    let current = try BenchProgram.run(run + ["--io-threads", "2", "--io-thread-cpus", "0"], in: folder.path)
    #expect(former.exitCode == current.exitCode && former.output == current.output)
    #expect(former.errors.contains("bench: warning: --pollers is now called --io-threads\n"))
    #expect(former.errors.contains("bench: warning: --poller-cpu is now called --io-thread-cpus\n"))
  }

  @Test(
    "files of rows are compared, and the verdict is the exit code", arguments: [(0.8, 2), (1.0, 0), (1.2, 0)])
  func comparison(factor: Double, exitCode: Int32) throws {
    let folder = try TemporaryFolder()
    let rates = BootRows.rates(20, level: 1000, noise: 0.002, seed: 1)
    try BootRows.write(BootRows.rows(iops: rates), to: folder.file("a.csv"))
    try BootRows.write(BootRows.rows(iops: rates.map { $0 * factor }), to: folder.file("b.csv"))
    let outcome = try BenchProgram.run(
      ["compare", "a.csv", "b.csv", "--metric", "iops", "--paired"], in: folder.path)
    #expect(outcome.exitCode == exitCode)
    #expect(outcome.output.contains("verdict: 1 "))
    #expect(outcome.errors.isEmpty)
  }

  @Test("options without effect on a comparison of two files are refused, and the message names them")
  func uselessOptions() throws {
    let folder = try TemporaryFolder()
    try BootRows.write(BootRows.rows(iops: [1, 2]), to: folder.file("a.csv"))
    for options in [
      ["--repeat", "3"], ["--seed", "1"], ["--output", "x"], ["--dry-run"], ["--quiet"],
      ["--scenario", "s.yaml"],
      ["--", "--mode", "vext"],
    ] {
      let outcome = try BenchProgram.run(["compare", "a.csv", "a.csv"] + options, in: folder.path)
      #expect(outcome.exitCode == 64)
      #expect(outcome.errors.contains("has no effect") && outcome.errors.contains("two files are compared"))
    }
    let revisions = try BenchProgram.run(
      ["compare", "HEAD", ".", "--paired", "--", "--mode", "vext"], in: folder.path)
    #expect(revisions.exitCode == 64)
    #expect(revisions.errors.contains("--paired has an effect on two files only"))
  }

  @Test(
    "output that cannot be written is a failure of its own",
    arguments: [
      ["compare", "a.csv", "a.csv"], ["history", "."], ["run", "--help"],
      ["run", "--mode", "vext", "--dry-run"],
    ])
  func fullOutput(arguments: [String]) throws {
    let folder = try TemporaryFolder()
    try BootRows.write(BootRows.rows(iops: [1, 2]), to: folder.file("a.csv"))
    let outcome = try BenchProgram.run(arguments, in: folder.path, outputPath: "/dev/full")
    #expect(outcome.exitCode == 73)
    #expect(outcome.errors == "bench: error: cannot write to standard output: No space left on device\n")
  }

  @Test("two data paths are compared by --a and --b alone")
  func twoModes() throws {
    let folder = try TemporaryFolder()
    let outcome = try BenchProgram.run(
      ["compare", "--a", "--mode virtio-blk", "--b", "--mode vext", "--repeat", "4", "--dry-run"],
      in: folder.path)
    #expect(outcome.exitCode == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("side a       --mode virtio-blk"))
    // Five metrics of one cell on four pairs.
    #expect(
      outcome.output.contains(
        "NO VERDICT   4 pairs cannot come to a verdict in 5 test(s): 8 pairs are needed"))
  }

  @Test(
    "a Linux guest on a KVM that cannot run it is refused at once, with the way out",
    .enabled(if: KVMBackend.current() == .pvm, "needs a software KVM"))
  func linuxOnSoftwareKVM() throws {
    let folder = try TemporaryFolder()
    for arguments in [
      ["run", "--guest", "linux", "--fs", "none", "--mode", "virtio-blk"],
      [
        "compare", "--a", "--mode virtio-blk", "--b", "--mode virtio-blk-poll", "--", "--guest", "linux",
        "--fs", "none",
      ],
    ] {
      let outcome = try BenchProgram.run(arguments, in: folder.path)
      #expect(outcome.exitCode == 69)
      #expect(outcome.errors.contains("scripts/bench --testbed"))
    }
    #expect(try folder.entries.isEmpty)
  }

  @Test("the doctor says something about every host, changes nothing, and ends with 0 or 3")
  func doctor() throws {
    let folder = try TemporaryFolder()
    try Data(count: 8192).write(to: URL(filePath: folder.file("small.img")))
    let outcome = try BenchProgram.run(["doctor", "--disk", "small.img"], in: folder.path)
    #expect(outcome.exitCode == (outcome.output.contains("SPOILS") ? 3 : 0))
    #expect(outcome.output.contains("kvm-device"))
    #expect(outcome.output.contains("\nverdict: "))
    #expect(outcome.errors.isEmpty)
    #expect(try folder.entries == ["small.img"])
  }

  @Test(
    "where descriptors or memory are short, bench ends soon, and says so",
    .timeLimit(.minutes(20)),
    arguments: [
      ["--nofile=5"], ["--nofile=9"], ["--nofile=16"], ["--as=100000000"], ["--as=200000000"], ["--nproc=1"],
    ])
  func shortage(limits: [String]) throws {
    let folder = try TemporaryFolder()
    let outcome = try BenchProgram.run(
      ["run", "--mode", "vext", "--engine", "sync", "--requests", "100", "--size", "1m", "--quiet"],
      in: folder.path,
      under: limits)
    // Whether the limit suffices is up to the host; what must not be is a trap (132 to 139) or silence.
    #expect(outcome.exitCode < 128)
    #expect(outcome.exitCode == 0 || outcome.errors.contains("error"))
  }

  @Test("help ends with 0")
  func help() throws {
    let folder = try TemporaryFolder()
    let outcome = try BenchProgram.run(["run", "--help"], in: folder.path)
    #expect(outcome.exitCode == 0)
    #expect(outcome.output.contains("--iodepth"))
    #expect(outcome.errors.isEmpty)
  }

  @Test("a dry run prints the plan and makes nothing")
  func dryRun() throws {
    let folder = try TemporaryFolder()
    let outcome = try BenchProgram.run(
      ["run", "--mode", "vext", "--repeat", "2", "--dry-run"], in: folder.path)
    #expect(outcome.exitCode == 0)
    #expect(outcome.output.contains("repetition 2: vext"))
    #expect(outcome.output.contains("I/O CPUs"))
    #expect(try folder.entries == [])
  }
}
