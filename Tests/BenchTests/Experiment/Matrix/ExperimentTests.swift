import Foundation
import Testing

@testable import Bench

struct ExperimentTests {
  private static let scenario = Scenario(
    name: "test", description: "", repetitionCount: 3, seed: 1, hostRequirements: [],
    cells: [
      ScenarioCell(title: "one", arguments: ["--mode", "vext", "--runtime", "1s"]),
      ScenarioCell(title: "two", arguments: ["--mode", "virtio-blk", "--runtime", "1s"]),
    ])

  static func plan(sides: [String] = ["rows"], repetitions: Int = 3, seed: UInt64 = 1) throws
    -> ExperimentPlan
  {
    ExperimentPlan(
      kind: sides.count == 1 ? .matrix : .comparison, scenario: scenario,
      sides: try sides.map { try ExperimentSide(name: $0, title: $0) }, repetitionCount: repetitions,
      seed: seed,
      host: HostIdentity(RunFixture.host), startedAt: "2026-01-01T00:00:00Z")
  }

  /// Writes the row that a boot would leave; fails the boots that `failing` says.
  final class FakeBoots: BootRunning, @unchecked Sendable {
    var failing: (Int) -> Int32 = { _ in 0 }
    var interruptsAt: Int?
    private(set) var started: [[String]] = []

    func run(
      _ side: ExperimentSide, arguments: [String], logPath: String, secondLimit: Double,
      watch: InterruptionWatch
    ) throws -> Int32 {
      started.append(arguments)
      if started.count == interruptsAt { throw RunInterruption() }
      let code = failing(started.count)
      try Data("bench: error: no luck\n".utf8).write(to: URL(filePath: logPath))
      guard code == 0, let output = arguments.last else { return code }
      var row = RunFixture.record
      row.runID = UUID().uuidString
      row.guests = 1
      row.iops = Double(started.count)
      try CSVWriter(path: output).write(row)
      try Data("{}".utf8).write(to: URL(filePath: output.dropLast(4) + ".json"))
      return 0
    }
  }

  private var runner: ExperimentRunner {
    ExperimentRunner(
      progress: ProgressReporter(isQuiet: true), watch: InterruptionWatch(),
      resumeCommand: "bench matrix --resume")
  }

  @Test("each repetition holds every cell on every side once, sides of a cell beside each other")
  func order() throws {
    let plan = try Self.plan(sides: ["a", "b"], repetitions: 50)
    #expect(plan.boots.count == 200)
    for repetition in 1...50 {
      let boots = plan.boots.filter { $0.repetition == repetition }
      #expect(Set(boots.map { [$0.cell, $0.side] }).count == 4)
      #expect(boots[0].cell == boots[1].cell && boots[2].cell == boots[3].cell)
      #expect(Set(boots.map(\.seed)).count == 1)
    }
    // Neither side nor cell is always the first.
    let firsts = (1...50).compactMap { repetition in plan.boots.first { $0.repetition == repetition } }
    #expect((10...40).contains(firsts.count { $0.side == 0 }))
    #expect((10...40).contains(firsts.count { $0.cell == 0 }))
    #expect(try plan.boots == Self.plan(sides: ["a", "b"], repetitions: 50).boots)
    #expect(try plan.boots != Self.plan(sides: ["a", "b"], repetitions: 50, seed: 2).boots)
  }

  @Test("a boot's command line is the cell's, the side's, and the run's own")
  func arguments() throws {
    let plan = try Self.plan()
    let boot = plan.boots[0]
    #expect(
      plan.arguments(of: boot, output: "x.csv") == ["run"] + plan.cells[boot.cell].arguments + [
        "--repeat", "1", "--seed", "\(boot.seed)", "--quiet", "--output", "x.csv",
      ])
  }

  @Test("rows of all boots come together, with the plan's repetition as theirs")
  func completeRun() throws {
    let parent = try TemporaryFolder()
    let folder = try ExperimentFolder(creating: parent.file("run"), plan: Self.plan())
    let boots = FakeBoots()
    try runner.runAll(folder, with: boots)
    #expect(boots.started.count == 6)
    #expect(folder.remainingBoots.isEmpty)
    let file = try RowFile(path: folder.rowsPath(side: 0))
    #expect(try file.rows.map { try $0.integer(\.repetition) } == [1, 1, 2, 2, 3, 3])
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: parent.file("run/boots")).sorted().prefix(3) == [
        "00001.csv", "00001.json", "00001.log",
      ])
  }

  @Test("an interrupted run goes on with the boots that are missing, and loses no row")
  func resume() throws {
    let parent = try TemporaryFolder()
    try interruptedRun(parent.file("run"))
    // A crash in the middle of a row, and of a boot.
    let handle = try FileHandle(forWritingTo: URL(filePath: parent.file("run/rows.csv")))
    try handle.seekToEnd()
    try handle.write(contentsOf: Data("1,half a row".utf8))
    try handle.close()
    try Data("half".utf8).write(to: URL(filePath: parent.file("run/boots/00004.part.csv")))
    let folder = try ExperimentFolder.resuming(parent.file("run"))
    #expect(folder.remainingBoots.map(\.index) == [3, 4, 5])
    let boots = FakeBoots()
    try runner.runAll(folder, with: boots)
    #expect(boots.started.count == 3)
    #expect(try RowFile(path: folder.rowsPath(side: 0)).rows.count == 6)
  }

  private func interruptedRun(_ path: String) throws {
    let folder = try ExperimentFolder(creating: path, plan: Self.plan())
    let boots = FakeBoots()
    boots.interruptsAt = 4
    let failure = #expect(throws: BenchFailure.self) { try runner.runAll(folder, with: boots) }
    #expect(
      failure?.description
        == "interrupted after 3 of 6 boots; bench matrix --resume \(path) goes on")
  }

  @Test("a boot that fails is passed over and named, and three in a row end the run")
  func failures() throws {
    let parent = try TemporaryFolder()
    let folder = try ExperimentFolder(creating: parent.file("run"), plan: Self.plan())
    let boots = FakeBoots()
    boots.failing = { $0 == 2 ? 74 : 0 }
    let failure = #expect(throws: BenchFailure.self) { try runner.runAll(folder, with: boots) }
    #expect(failure?.description.contains("1 boots failed, 1 of 6 are left") == true)
    #expect(failure?.description.contains("boot 2 ended with 74: bench: error: no luck") == true)
    #expect(folder.failedBoots.map(\.index) == [1])
    let dead = FakeBoots()
    dead.failing = { _ in 69 }
    let other = try ExperimentFolder(creating: parent.file("other"), plan: Self.plan())
    #expect(throws: BenchFailure.self) { try runner.runAll(other, with: dead) }
    #expect(dead.started.count == 3)
  }

  @Test("a folder is not used twice at once, nor overwritten")
  func locks() throws {
    let parent = try TemporaryFolder()
    let folder = try ExperimentFolder(creating: parent.file("run"), plan: Self.plan())
    let second = #expect(throws: BenchFailure.self) { _ = try ExperimentFolder.resuming(parent.file("run")) }
    #expect(second?.description.contains("another bench works in") == true)
    let again = #expect(throws: BenchFailure.self) {
      _ = try ExperimentFolder(creating: parent.file("run"), plan: Self.plan())
    }
    #expect(again?.exitCode == .cannotCreate)
    #expect(folder.remainingBoots.count == 6)
  }

  @Test("a file that is not a plan, and a plan that contradicts itself, are refused")
  func damagedPlans() throws {
    let parent = try TemporaryFolder()
    try interruptedRun(parent.file("run"))
    let path = parent.file("run/plan.json")
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let damaged = [
      "", "{}", text.replacing("\"format_version\":2", with: "\"format_version\":9"),
      text.replacing("\"cell\":1", with: "\"cell\":7"),
      text.replacing("\"name\":\"rows\"", with: "\"name\":\"../x\""),
      text.replacing("\"index\":5", with: "\"index\":6"),
    ]
    for variant in damaged {
      #expect(variant != text)
      try Data(variant.utf8).write(to: URL(filePath: path))
      let failure = #expect(throws: BenchFailure.self) {
        _ = try ExperimentFolder.resuming(parent.file("run"))
      }
      #expect(failure?.exitCode == .dataError)
    }
    #expect(throws: BenchFailure.self) { _ = try ExperimentFolder.resuming(parent.file("nothing")) }
  }

  @Test("what a user writes for a side is an environment and arguments")
  func writtenSide() throws {
    let side = try ExperimentSide(name: "a", written: "X=1 Y=a=b --iodepth 4 --no-direct")
    #expect(side.environment == ["X": "1", "Y": "a=b"])
    #expect(side.arguments == ["--iodepth", "4", "--no-direct"])
    #expect(throws: BenchFailure.self) { try ExperimentSide(name: "a", written: "=1") }
    #expect(throws: BenchFailure.self) { try ExperimentSide(name: "a", title: "", program: "/nonexistent") }
  }

  @Test("what a side says takes the place of what the cell says, also for options that add up")
  func merging() throws {
    let side = try ExperimentSide(name: "b", written: "--mode vext --iodepth 4")
    #expect(
      side.arguments(beside: ["--mode", "virtio-blk", "--engine", "null", "--mode=vext-adaptive"]) == [
        "--engine", "null", "--mode", "vext", "--iodepth", "4",
      ])
    try side.check([ScenarioCell(title: "x", arguments: ["--engine", "null"])])
    let cells = ["virtio-blk", "vext"].map { ScenarioCell(title: $0, arguments: ["--mode", $0]) }
    let failure = #expect(throws: BenchFailure.self) { try side.check(cells) }
    #expect(failure?.exitCode == .usage)
    #expect(failure?.description.contains("the same run as another cell") == true)
    for written in [
      "--iodepth 4", "--mode vext --bogus", "--mode vext,virtio-blk", "--mode vext --output x.csv",
    ] {
      let side = try ExperimentSide(name: "a", written: written)
      #expect(throws: BenchFailure.self) { try side.check([ScenarioCell(title: "x", arguments: [])]) }
    }
  }

  @Test("the time left follows from how long the boots so far took")
  func progress() {
    var clock = ProgressClock(weights: [1, 1, 2], total: 10)
    let now = Date()
    #expect(clock.status(title: "x", now: now) == "[8/10] x, about 4 s left")
    clock.finishOne()
    let later = clock.status(title: "x", now: now.addingTimeInterval(10))
    #expect(later == "[9/10] x, about 31 s left" || later == "[9/10] x, about 30 s left", "\(later)")
  }
}
