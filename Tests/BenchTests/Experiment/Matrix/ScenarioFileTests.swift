import Foundation
import Testing

@testable import Bench

struct ScenarioFileTests {
  private static let sound = """
    name: depth
    description: How throughput grows.
    constants:
      engine: io_uring
      direct: false
      verify: false
      size: 1m
    axes:
      mode: [virtio-blk, vext]
      iodepth: [1, 4]
    exclude:
      - {mode: virtio-blk, iodepth: 4}
    repeat: 3
    seed: 7
    host:
      online_cpus: 2
    """

  private func scenario(_ text: String) throws(ScenarioFault) -> Scenario {
    try ScenarioFile.scenario(Data(text.utf8))
  }

  @Test("a scenario expands to the command lines of bench run")
  func expansion() throws {
    let scenario = try scenario(Self.sound)
    #expect(scenario.name == "depth")
    #expect(scenario.repetitionCount == 3)
    #expect(scenario.seed == 7)
    #expect(scenario.hostRequirements == [.init(option: "online_cpus", value: "2")])
    let constants = ["--engine", "io_uring", "--no-direct", "--size", "1m"]
    #expect(
      scenario.cells.map(\.arguments) == [
        constants + ["--mode", "virtio-blk", "--iodepth", "1"],
        constants + ["--mode", "vext", "--iodepth", "1"],
        constants + ["--mode", "vext", "--iodepth", "4"],
      ])
    #expect(
      scenario.cells.map(\.title) == [
        "mode=virtio-blk iodepth=1", "mode=vext iodepth=1", "mode=vext iodepth=4",
      ])
  }

  @Test("a value that an option does not have is refused with those that it has, in one line")
  func unknownValue() {
    let fault = #expect(throws: ScenarioFault.self) { try scenario("name: a\nconstants: {mode: nope}\n") }
    let reason = fault?.reason ?? ""
    #expect(
      reason.contains("nope") && reason.contains("- vhost-user-qsd") && !reason.contains("\n"), "\(reason)")
  }

  @Test("null without quotes is the engine of that name")
  func nullEngine() throws {
    let scenario = try scenario("name: a\nconstants: {engine: null, mode: vext}\n")
    #expect(scenario.cells.map(\.arguments) == [["--engine", "null", "--mode", "vext"]])
  }

  @Test("cells of mode host go without the constants that only machines have, and axes of these are refused")
  func hostCells() throws {
    let text = """
      name: a
      constants: {guest: linux, fs: ext4, idle: 2s, memory: 256m, runtime: 1s}
      axes: {mode: [virtio-blk, host]}
      """
    let machine = ["--guest", "linux", "--fs", "ext4", "--idle", "2s", "--memory", "256m", "--runtime", "1s"]
    #expect(
      try scenario(text).cells.map(\.arguments) == [
        machine + ["--mode", "virtio-blk"],
        ["--guest", "linux", "--fs", "ext4", "--runtime", "1s", "--mode", "host"],
      ])
    let fault = #expect(throws: ScenarioFault.self) {
      try scenario(text.replacing("mode: [", with: "io-threads: [1, 2], mode: ["))
    }
    #expect(fault?.reason.contains("--io-threads 2 has no effect: --mode host") == true)
  }

  @Test("the fingerprint follows what is booted, and not the names")
  func fingerprint() throws {
    let print = try scenario(Self.sound).fingerprint
    #expect(try scenario(Self.sound.replacing("name: depth", with: "name: other")).fingerprint == print)
    #expect(
      try scenario(Self.sound.replacing("iodepth: [1, 4]", with: "iodepth: [4, 1]")).fingerprint != print)
    #expect(print.count == 16)
  }

  @Test(
    "what is wrong is refused with its line, before anything boots",
    arguments: [
      ("name: depth", "nam: depth", 1, "unknown key 'nam'"),
      ("name: depth", "name: a/b", 1, "the name 'a/b' may have letters"),
      ("name: depth", "", 2, "the scenario has no name"),
      ("  size: 1m", "  blocksize: 1m", 7, "Unknown option '--blocksize'"),
      ("  size: 1m", "  size: 1q", 7, "'1q' is invalid for '--size"),
      ("  size: 1m", "  size: [1m, 2m]", 7, "a single value is expected"),
      ("  size: 1m", "  runtime: 0", 7, "--runtime must be more than 0"),
      ("  size: 1m", "  repeat: 2", 7, "'repeat' does not belong to a configuration"),
      ("  size: 1m", "  --size: 1m", 7, "'--size' is not an option"),
      ("  size: 1m", "  iodepth: 1", 10, "'iodepth' is a constant and an axis"),
      ("  size: 1m", "  size: 1m\n  size: 2m", 7, "'size' is there twice"),
      ("[virtio-blk, vext]", "[virtio-blk, nvme]", 9, "'nvme' is invalid for '--mode"),
      ("[virtio-blk, vext]", "[\"virtio-blk,vext\"]", 9, "a boot has one mode"),
      ("  size: 1m", "  vmm: \"builtin,qemu\"", 7, "a boot has one VMM"),
      ("iodepth: [1, 4]", "iodepth: []", 10, "the axis 'iodepth' has no value"),
      ("iodepth: [1, 4]", "iodepth: [1, 1]", 10, "has the value '1' twice"),
      ("iodepth: [1, 4]", "iodepth: 4", 10, "a list is expected"),
      ("iodepth: [1, 4]", "iodepth: [1, 9999]", 10, "--iodepth must be between 1 and 1024"),
      ("{mode: virtio-blk, iodepth: 4}", "{mode: virtio-blk, iodepth: 5}", 12, "leaves out no combination"),
      ("{mode: virtio-blk, iodepth: 4}", "{rw: read}", 12, "'rw' is neither an axis nor a constant"),
      ("{mode: virtio-blk, iodepth: 4}", "{iodepth: [1, 4]}", 1, "the matrix is empty"),
      ("{mode: virtio-blk, iodepth: 4}", "{}", 12, "an exclusion names no option"),
      ("repeat: 3", "repeat: 0", 13, "'0' is not a whole number from 1 to 10000"),
      ("seed: 7", "seed: -7", 14, "'-7' is not a whole number from 0"),
      ("seed: 7", "seed: [", 16, "the file is not YAML"),
      ("seed: 7", "seed: &a 7", 14, "anchors and aliases"),
    ] as [(String, String, Int, String)])
  func refusals(old: String, new: String, line: Int, reason: String) {
    let fault = #expect(throws: ScenarioFault.self) { try scenario(Self.sound.replacing(old, with: new)) }
    #expect(fault?.line == line, "\(fault.map { "\($0)" } ?? "")")
    #expect(fault?.reason.contains(reason) == true, "\(fault?.reason ?? "")")
  }

  @Test("too many combinations, too long a file and bytes that are not UTF-8 are refused")
  func limits() {
    let values = (1...200).map(String.init).joined(separator: ", ")
    let large = "name: a\nconstants: {mode: vext}\naxes:\n  iodepth: [\(values)]\n  seed2: [\(values)]\n"
    #expect(throws: ScenarioFault.self) { try scenario(large) }
    #expect(throws: ScenarioFault.self) { try scenario(String(repeating: "#", count: 70_000)) }
    #expect(throws: ScenarioFault.self) { try ScenarioFile.scenario(Data([0xFF, 0xFE])) }
    #expect(throws: ScenarioFault.self) { try scenario("") }
    #expect(throws: ScenarioFault.self) { try scenario(String(repeating: "[", count: 60_000)) }
    #expect(throws: ScenarioFault.self) { try scenario(String(repeating: "- ", count: 30_000)) }
  }

  @Test(
    "the scenarios of the project are sound",
    arguments: [
      "micro", "smoke", "regress", "figures-workloads", "figures-depth", "figures-guests-all",
      "figures-guests-one", "paper-random", "paper-sequential", "paper-workers", "paper-guests",
      "testbed-paths", "testbed-queue", "testbed-workers", "shared-cpus", "load-levels", "prototype",
      "testbed-prototype", "testbed-matrix", "matrix-paths", "paper-queue",
    ])
  func ownScenarios(name: String) throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let scenario = try ScenarioFile.load(root.appending(path: "scripts/scenarios/\(name).yaml").path)
    #expect(scenario.name == name)
    #expect(!scenario.description.isEmpty)
  }

  @Test("a host that lacks what the scenario needs is refused with all that is missing")
  func hostRequirements() throws {
    func check(_ requirements: [(String, String)]) throws {
      try ScenarioRequirements.check(
        requirements.map { .init(option: $0.0, value: $0.1) }, host: RunFixture.host)
    }
    try check([("online_cpus", "4"), ("smt_active", "false"), ("kvm_backend", "svm")])
    let failure = #expect(throws: BenchFailure.self) {
      try check([
        ("online_cpus", "8"), ("smt_active", "true"), ("kvm_backend", "vmx"), ("governor", "performance"),
        ("colour", "red"),
      ])
    }
    let expected = [
      "online_cpus is 4, and 8 at least is needed", "smt_active is false, and true is needed",
      "kvm_backend is 'svm', and 'vmx' is needed", "governor is unknown here", "'colour' is nothing",
    ]
    for text in expected { #expect(failure?.description.contains(text) == true, "\(text)") }
    #expect(failure?.exitCode == .unavailable)
  }
}
