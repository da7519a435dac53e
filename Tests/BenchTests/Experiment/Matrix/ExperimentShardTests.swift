import Foundation
import Testing

@testable import Bench

/// A plan in parts, and the parts together again.
struct ExperimentShardTests {
  private static func shard(_ text: String) throws -> ExperimentShard {
    try #require(ExperimentShard(argument: text))
  }

  private static var runner: ExperimentRunner {
    ExperimentRunner(
      progress: ProgressReporter(isQuiet: true), watch: InterruptionWatch(),
      resumeCommand: "bench matrix --resume")
  }

  /// Runs a shard of a plan of seven repetitions in a folder of `parent`; stops before boot `interruptsAt` if there is one.
  @discardableResult
  private static func run(
    _ text: String, in parent: borrowing TemporaryFolder, seed: UInt64 = 1, interruptsAt: Int? = nil
  ) throws -> String {
    let path = parent.file(text.replacing("/", with: "of"))
    let plan = try ExperimentTests.plan(repetitions: 7, seed: seed).restricted(to: shard(text))
    let folder = try ExperimentFolder(creating: path, plan: plan)
    let boots = ExperimentTests.FakeBoots()
    boots.interruptsAt = interruptsAt
    do {
      try runner.runAll(folder, with: boots)
    } catch  where interruptsAt != nil {
      // As asked for.
    }
    return path
  }

  private static func refusal(_ paths: [String]) -> String {
    do {
      _ = try ExperimentMerge(paths)
      return "merged"
    } catch {
      return "\(error)"
    }
  }

  @Test(arguments: [1, 2, 3, 7])
  func `every repetition is in one shard, whole, and shards differ by one repetition at most`(count: Int)
    throws
  {
    let plan = try ExperimentTests.plan(sides: ["a", "b"], repetitions: 7)
    let parts = try (1...count).map { try plan.restricted(to: Self.shard("\($0)/\(count)")).ownBoots }
    #expect(parts.flatMap { $0 }.sorted { $0.index < $1.index } == plan.boots)
    let repetitions = parts.map { Set($0.map(\.repetition)) }
    #expect(repetitions.reduce(0) { $0 + $1.count } == 7)
    #expect(zip(parts, repetitions).allSatisfy { $0.count == $1.count * 4 })
    let sizes = repetitions.map(\.count)
    #expect(try #require(sizes.max()) - #require(sizes.min()) <= 1)
  }

  @Test(arguments: ["", "1", "0/2", "3/2", "1/0", "-1/2", "1/2/3", "a/b", "1/99999", "1/"])
  func `an invalid part is refused`(text: String) {
    #expect(ExperimentShard(argument: text) == nil)
  }

  @Test func `more parts than repetitions are refused`() throws {
    let failure = #expect(throws: BenchFailure.self) {
      _ = try ExperimentTests.plan(repetitions: 3).restricted(to: Self.shard("1/4"))
    }
    #expect(failure?.exitCode == .usage)
    #expect(failure?.description.contains("the plan has 3 repetitions") == true)
  }

  @Test func `merged shards are the run in one piece, in whichever order they are named`() throws {
    let parent = try TemporaryFolder()
    let paths = try ["3/3", "1/3", "2/3"].map { try Self.run($0, in: parent) }
    let output = parent.file("whole")
    let merge = try ExperimentMerge(paths)
    try merge.write(to: output)
    #expect(merge.hosts.count == 1)
    let folder = try ExperimentFolder.resuming(output)
    let plan = folder.plan
    #expect(try plan == ExperimentTests.plan(repetitions: 7))
    #expect(folder.remainingBoots.isEmpty)
    let rows = try RowFile(path: folder.rowsPath(side: 0)).rows
    #expect(try rows.map { try $0.integer(\.repetition) } == (1...7).flatMap { [$0, $0] })
    #expect(try parent.entries == ["1of3", "2of3", "3of3", "whole"])
    let again = #expect(throws: BenchFailure.self) { try merge.write(to: output) }
    #expect(again?.exitCode == .cannotCreate)
  }

  @Test func `missing boots are named with the command that brings them, and nothing is written`() throws {
    let parent = try TemporaryFolder()
    let first = try Self.run("1/3", in: parent, interruptsAt: 4)
    let second = try Self.run("2/3", in: parent)
    let numbers = try ExperimentTests.plan(repetitions: 7).restricted(to: Self.shard("1/3")).ownBoots
      .dropFirst(3)
      .map { String($0.index + 1) }.joined(separator: ", ")
    #expect(
      Self.refusal([first, second])
        == "7 of 14 boots are missing: shard 1/3: boots \(numbers) (bench matrix --resume \(first)); "
        + "shard 3/3: boots 5, 6, 11, 12 (no folder of it is given)")
    let folder = try ExperimentFolder.resuming(first)
    #expect(folder.remainingBoots.count == 3)
    try Self.runner.runAll(folder, with: ExperimentTests.FakeBoots())
    #expect(folder.remainingBoots.isEmpty)
  }

  @Test func `parts of different plans, parts twice and folders without a part are refused`() throws {
    let parent = try TemporaryFolder()
    let other = try TemporaryFolder()
    let (first, second) = (try Self.run("1/2", in: parent), try Self.run("2/2", in: parent))
    #expect(Self.refusal([first, second]) == "merged")
    #expect(Self.refusal([first, second, first]) == "\(first) and \(first) both have boot 1")
    #expect(Self.refusal([first, try Self.run("2/2", in: other, seed: 2)]).contains("the seed differs"))
    #expect(Self.refusal([first, try Self.run("2/3", in: other)]).contains("the number of shards differs"))
    #expect(Self.refusal([first, parent.path]).contains("holds no experiment"))
    let whole = try ExperimentFolder(
      creating: other.file("whole"), plan: ExperimentTests.plan(repetitions: 7))
    #expect(Self.refusal([first, whole.path]).contains("another bench works in"))
    #expect(whole.remainingBoots.count == 14)
    try FileManager.default.copyItem(atPath: "\(first)/boots/00001.csv", toPath: "\(second)/boots/00001.csv")
    #expect(Self.refusal([second, first]).contains("has boot 1, which is not of its shard 2/2"))
    try FileManager.default.moveItem(atPath: "\(second)/boots/00001.csv", toPath: "\(second)/boots/1.csv")
    #expect(Self.refusal([second, first]).contains("boots/1.csv is not of the plan"))
  }

  @Test func `a folder that was run in one piece is not a shard`() throws {
    let parent = try TemporaryFolder()
    do {
      _ = try ExperimentFolder(creating: parent.file("whole"), plan: ExperimentTests.plan(repetitions: 7))
    }
    #expect(Self.refusal([parent.file("whole")]).contains("it was run without --shard"))
  }
}
