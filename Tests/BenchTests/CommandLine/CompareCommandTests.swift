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
    let scenario = try Scenario(arguments: ["--mode", "vext", "--repeat", "3", "--iodepth", "8"])
    #expect(scenario.cells.count == 1)
    #expect(scenario.repetitionCount == 3)
    for arguments in [
      ["--mode", "vext,virtio-blk"], [], ["--mode", "vext", "--output", "x.csv"], ["--bogus"],
      ["--mode", "virtio-blk", "--vmm", "builtin,qemu"],
    ] {
      let failure = #expect(throws: BenchFailure.self) { try Scenario(arguments: arguments) }
      #expect(failure?.exitCode == .usage)
    }
  }

  @Test("options that are given twice count the last time: a side's replace a cell's")
  func lastOptionCounts() throws {
    let command = try RunCommand.parse(["--iodepth", "1", "--repeat", "5", "--iodepth", "8", "--repeat", "1"])
    #expect(command.workload.iodepth == 8)
    #expect(command.repetitionCount == 1)
    #expect(!(try RunCommand.parse(["--direct", "--no-direct"]).diskOptions.direct))
  }
}
