import Foundation
import Testing

@testable import Bench

struct PairStoppingTests {
  /// Boots whose rates are `rate(cell, side, repetition)`.
  private final class Boots: BootRunning, @unchecked Sendable {
    let plan: ExperimentPlan
    let rate: (ExperimentPlan.Boot) -> Double
    private(set) var started: [ExperimentPlan.Boot] = []

    init(_ plan: ExperimentPlan, rate: @escaping (ExperimentPlan.Boot) -> Double) {
      self.plan = plan
      self.rate = rate
    }

    func run(
      _ side: ExperimentSide, arguments: [String], logPath: String, secondLimit: Double,
      watch: InterruptionWatch
    ) throws -> Int32 {
      try Data("log\n".utf8).write(to: URL(filePath: logPath))
      guard let output = arguments.last,
        let boot = plan.boots.first(where: { boot in
          output.contains(String(format: "/boots/%05d.", boot.index + 1))
        })
      else { return 1 }
      started.append(boot)
      var row = RunFixture.record
      row.runID = UUID().uuidString
      row.guests = 1
      row.iops = rate(boot)
      try CSVWriter(path: output).write(row)
      return 0
    }
  }

  private let runner = ExperimentRunner(
    progress: ProgressReporter(isQuiet: true), watch: InterruptionWatch(),
    resumeCommand: "bench compare --resume")

  private func stopping(_ folder: borrowing ExperimentFolder) -> PairStopping {
    let path = folder.path
    return PairStopping(
      plan: folder.plan, design: SequentialDesign(margin: 0.05, testCount: 2), metrics: [.iops],
      leavesOutDoubtful: false
    ) { ExperimentFolder.bootRowsPath(of: $0, in: path) }
  }

  @Test("each cell is booted in pairs until its verdict stands, and no longer; a resumed run boots nothing")
  func stops() throws {
    let parent = try TemporaryFolder()
    let plan = try ExperimentTests.plan(sides: ["a", "b"], repetitions: 20).confident(ofMargin: 0.05)
    let noise = BootRows.rates(40, level: 1, noise: 0.002, seed: 1)
    // Cell 0 is clear at once; cell 1 has noise beyond the margin.
    let boots = Boots(plan) { boot in
      boot.cell == 0
        ? 1000 * noise[boot.repetition * 2 - 1 - boot.side] * (boot.side == 1 ? 0.9 : 1)
        : boot.repetition.isMultiple(of: 2) == (boot.side == 0) ? 1000 : 2000
    }
    let folder = try ExperimentFolder(creating: parent.file("run"), plan: plan)
    let rule = stopping(folder)
    #expect(try runner.run(folder, with: boots) { try rule.needs($0) }.isEmpty)
    #expect(boots.started.count { $0.cell == 0 } == 18)
    #expect(boots.started.count { $0.cell == 1 } == 40)
    let again = stopping(folder)
    #expect(try runner.run(folder, with: boots) { try again.needs($0) }.isEmpty)
    #expect(boots.started.count == 58)
  }

  @Test("the second boot of a pair is always made, so that the first is not in vain")
  func completesPairs() throws {
    let parent = try TemporaryFolder()
    let plan = try ExperimentTests.plan(sides: ["a", "b"], repetitions: 30).confident(ofMargin: 0.05)
    let folder = try ExperimentFolder(creating: parent.file("run"), plan: plan)
    let boots = Boots(plan) { $0.side == 1 ? 900 : 1000 }
    let rule = stopping(folder)
    _ = try runner.run(folder, with: boots) { try rule.needs($0) }
    for cell in 0...1 {
      let own = boots.started.filter { $0.cell == cell }
      #expect(own.count { $0.side == 0 } == own.count { $0.side == 1 })
    }
    #expect(boots.started.count == 36)
  }

  @Test("the plan keeps the margin, and a plan with a negative margin is refused")
  func plan() throws {
    let parent = try TemporaryFolder()
    let plan = try ExperimentTests.plan(sides: ["a", "b"]).confident(ofMargin: 0.05)
    do { _ = try ExperimentFolder(creating: parent.file("run"), plan: plan) }
    do { #expect(try ExperimentFolder.resuming(parent.file("run")).plan.confidentMargin == 0.05) }
    let path = parent.file("run/plan.json")
    let text = try String(contentsOfFile: path, encoding: .utf8)
    try Data(text.replacing("\"confident_margin\":0.05", with: "\"confident_margin\":-1").utf8)
      .write(to: URL(filePath: path))
    #expect(throws: BenchFailure.self) { _ = try ExperimentFolder.resuming(parent.file("run")) }
  }
}
