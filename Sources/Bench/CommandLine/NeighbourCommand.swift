import ArgumentParser
import Foundation
import HostSystem
import Hypervisor

/// `bench neighbour`: a guest's latency beside machines that do their worst to the I/O thread.
struct NeighbourCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "neighbour",
    abstract: "Measures a guest beside machines that do their worst to the I/O thread.",
    discussion: """
      A micro guest reads 4 KiB at a time. Beside it on the same I/O thread is nobody, a machine that does the same, or one that reads \
      2 GiB through the page cache at once, zeroes 16 ranges at once, or fills 128 queues. docs/benchmarking.md describes the table and the CSV.
      """)

  @Option(help: "What serves the requests.")
  var engine = BlockEngineKind.libaio

  @Option(help: "The guest's data path: vext, vext-adaptive, or a mode of virtio-blk that bench serves.")
  var mode = DataPathMode.vext

  @Option(help: "Length of each measured window.")
  var runtime = TimeSpan.milliseconds(3000)

  @Option(name: .customLong("repeat"), help: "How often the guest boots beside each competitor.")
  var repetitionCount = 5

  @Option(name: .customLong("size"), help: "The guest's disk, and what it reads of it.")
  var size = ByteSize(byteCount: 64 << 20)

  @Option(help: "The competitor's disk.")
  var competitorSize = ByteSize(byteCount: 2 << 30)

  @Flag(inversion: .prefixedNo, help: "Leave out the page cache for the guest's own disk (O_DIRECT).")
  var direct = true

  @Option(
    help: ArgumentHelp(
      "Where bench makes the disks. Default: the variable BENCH_SCRATCH, else the working directory.",
      valueName: "folder"))
  var scratch: String?

  @Option(
    help: ArgumentHelp("A CSV file that gets a row for each boot. Default: none.", valueName: "file.csv"))
  var output: String?

  @Option(help: "Seed of the order and of the requests. Default: a new one, which is recorded.")
  var seed: UInt64?

  @Flag(help: "Show no progress.")
  var quiet = false

  func validate() throws {
    guard mode.backEnd == nil else {
      throw ValidationError("--mode \(mode.rawValue): the competitor needs an I/O thread of bench's")
    }
    guard engine != .memory else {
      throw ValidationError("--engine memory: the competitor's disk is a file")
    }
    guard (1...1000).contains(repetitionCount) else {
      throw ValidationError("--repeat must be between 1 and 1000, and is \(repetitionCount)")
    }
    guard (1 << 20...1 << 40).contains(competitorSize.byteCount),
      competitorSize.byteCount.isMultiple(of: 1 << 20)
    else {
      throw ValidationError(
        "--competitor-size must be a multiple of 1m between 1m and 1t, and is \(competitorSize)")
    }
    if let seed, seed >= 1 << 53 { throw ValidationError("--seed must be below 2^53") }
  }

  /// The measured guest, as `bench run` would have it.
  func guestConfiguration() throws -> RunConfiguration {
    let words = [
      "--guest", "micro", "--mode", mode.rawValue, "--engine", engine.rawValue, "--size", "\(size.byteCount)",
      "--runtime", "\(runtime.seconds)", direct ? "--direct" : "--no-direct",
    ]
    let configuration = try RunCommand.parse(words).runConfiguration(
      diskByteCount: nil, seed: seed ?? UInt64.random(in: 0..<1 << 53),
      decision: GuestDecision(kind: .micro, reason: "bench neighbour has no other"))
    do { try configuration.validate() } catch {
      throw BenchFailure("\(error.description)", exitCode: .usage)
    }
    return configuration
  }

  func run() throws {
    // Before any thread exists: all of them inherit the blocked signals.
    let watch = InterruptionWatch()
    let configuration = try guestConfiguration()
    try HostRequirements.checkKVM()
    try HostRequirements.checkEngine(engine)
    let identity = RunIdentity.new(revision: try .capture())
    // A file with other columns is an error before anything is measured.
    let writer = try output.map { try CSVWriter(path: $0, header: NeighbourReport.header) }
    let kernel = KernelFiles(root: "/").word("proc/sys/kernel/osrelease") ?? ""
    var report = NeighbourReport()
    try NeighbourRun(
      configuration: configuration, mode: mode, repetitionCount: repetitionCount,
      folder: scratch ?? ProcessInfo.processInfo.environment["BENCH_SCRATCH"] ?? ".",
      competitorDiskByteCount: competitorSize.byteCount, progress: ProgressReporter(isQuiet: quiet),
      watch: watch
    ).run { boot in
      report.add(boot)
      try writer?.write(lines: [
        NeighbourReport.line(
          boot, identity: identity, configuration: configuration, mode: mode, kernel: kernel)
      ])
    }
    try StandardOutput.writeLine(report.text)
    guard report.boots.allSatisfy({ $0.errors == 0 }) else {
      throw BenchFailure("requests of the guest failed", exitCode: .ioError)
    }
  }
}
