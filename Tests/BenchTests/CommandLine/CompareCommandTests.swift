import ArgumentParser
import Foundation
import Testing

@testable import Bench

struct CompareCommandTests {
  @Test(
    "a wrong command line is a usage error, exit code 64",
    arguments: [
      ["compare"], ["compare", "a.csv"], ["compare", "a", "b", "c"], ["compare", "--a", "x"],
      ["compare", "a", "b", "--baseline", "f", "c"], ["compare", "a", "b", "--metric", "colour"],
      ["compare", "a", "b", "--metric", "iops", "--metric", "iops"],
      ["compare", "a", "b", "--ignore", "iops"],
      ["compare", "a", "b", "--stored"], ["compare", "a", "b", "--format", "html"],
      ["compare", "a", "b", "--scenario", "s", "--", "--mode", "vext"],
      ["compare", "a", "b", "--repeat", "0"],
      ["compare", "--resume", "f", "--scenario", "s"], ["compare", "--a", "x", "--b", "y", "--paired"],
      ["compare", "--a", "x", "--b", "y", "--force"], ["compare", "--baseline", "f", "--force"],
      ["compare", "--baseline", "f", "--update-baseline", "--metric", "iops"],
      ["compare", "--resume", "f", "--seed", "1"], ["compare", "a", "b", "--seed", "18446744073709551615"],
      ["matrix"], ["matrix", "f", "--resume", "r"], ["matrix", "f", "--repeat", "0"],
      ["calibrate"], ["calibrate", "--scenario", "s", "--", "--mode", "vext"],
      ["calibrate", "--scenario", "s", "--repeat", "5"], ["history", "a", "b"], ["history", "--metric", "x"],
    ])
  func usage(arguments: [String]) {
    let error = #expect(throws: (any Error).self) { try BenchCommand.parseAsRoot(arguments) }
    #expect(error.map(BenchCommand.exitCode(for:)) == .validationFailure)
  }

  @Test("what follows -- goes to bench run, and nothing of it to the command")
  func runOptions() throws {
    let command = try #require(
      BenchCommand.parseAsRoot([
        "compare", "main", ".", "--repeat", "8", "--", "--mode", "vext", "--repeat", "3",
      ])
        as? CompareCommand)
    #expect(command.inputA == "main")
    #expect(command.inputB == ".")
    #expect(command.options.repetitionCount == 8)
    #expect(command.runOptions == ["--mode", "vext", "--repeat", "3"])
    let written = try #require(
      BenchCommand.parseAsRoot(["compare", "--a", "--iodepth 1", "--b", "", "--", "--mode", "vext"])
        as? CompareCommand)
    #expect(written.writtenA == "--iodepth 1")
    #expect(written.writtenB?.isEmpty == true)
    #expect(written.inputA == nil)
  }

  @Test("run options make a scenario of one mode")
  func scenarioOfOptions() throws {
    let scenario = try Scenario(arguments: ["--mode", "vext", "--iodepth", "8"])
    #expect(scenario.cells.count == 1)
    for arguments in [
      ["--mode", "vext,virtio-blk"], [], ["--mode", "vext", "--output", "x.csv"], ["--bogus"],
      ["--mode", "vext", "--repeat", "3"], ["--mode", "vext", "--seed=1"],
      ["--mode", "virtio-blk", "--vmm", "builtin,qemu"],
    ] {
      let failure = #expect(throws: BenchFailure.self) { try Scenario(arguments: arguments) }
      #expect(failure?.exitCode == .usage)
    }
  }

  @Test("a side that names the number of boots or the seed is refused, because these are the whole's")
  func optionsOfTheWhole() throws {
    let cells = try Scenario(arguments: ["--mode", "vext"]).cells
    for text in ["--repeat 3", "--iodepth 2 --seed=1"] {
      let side = try ExperimentSide(name: "a", written: text)
      let failure = #expect(throws: BenchFailure.self) { try side.check(cells) }
      #expect(failure?.exitCode == .usage)
      #expect(failure?.description.contains("has no effect there") == true)
    }
  }

  @Test("a file that is missing is named, and one whose boots all failed is a regression")
  func missingFiles() throws {
    let folder = try TemporaryFolder()
    try BootRows.write(BootRows.rows(iops: [1, 2, 3, 4, 5, 6]), to: folder.file("x.csv"))
    let absent = try BenchProgram.run(["compare", "x.csv", "y.csv"], in: folder.path)
    #expect(absent.exitCode == 66)
    #expect(absent.errors == "bench: error: y.csv does not exist\n")
    let plan = ExperimentPlan(
      kind: .comparison, scenario: try Scenario(arguments: ["--mode", "vext"]),
      sides: try [ExperimentSide(name: "a", written: ""), ExperimentSide(name: "b", written: "--iodepth 2")],
      repetitionCount: 6, seed: 1, host: HostIdentity(RunFixture.host),
      startedAt: "2026-12-01T00:00:00Z")
    _ = try ExperimentFolder(creating: folder.file("run"), plan: plan)
    try BootRows.write(BootRows.rows(iops: [1, 2, 3, 4, 5, 6]), to: folder.file("run/a.csv"))
    #expect(try BenchProgram.run(["compare", "run/a.csv", "run/b.csv"], in: folder.path).exitCode == 66)
    for boot in plan.boots {
      let stem = ExperimentFolder.stem(ofBoot: boot.index, in: folder.file("run"))
      try Data().write(to: URL(filePath: boot.side == 0 ? "\(stem).csv" : "\(stem).log"))
    }
    let failed = try BenchProgram.run(["compare", "run/a.csv", "run/b.csv"], in: folder.path)
    #expect(failed.exitCode == 2)
    #expect(failed.output.contains("6 of 6"))
  }

  @Test("options that are given twice count the last time: a side's replace a cell's")
  func lastOptionCounts() throws {
    let command = try RunCommand.parse(["--iodepth", "1", "--repeat", "5", "--iodepth", "8", "--repeat", "1"])
    #expect(command.workload.iodepth == 8)
    #expect(command.repetitionCount == 1)
    #expect(!(try RunCommand.parse(["--direct", "--no-direct"]).diskOptions.direct))
  }
}
