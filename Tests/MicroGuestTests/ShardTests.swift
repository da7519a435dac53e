import Foundation
import Testing

@testable import Bench

/// `bench matrix --shard` as a scheduler runs it: in processes that can be killed at any moment.
@Suite(.serialized, .enabled(if: hasKVM, "needs /dev/kvm"))
struct ShardTests {
  private static let scenario = """
    name: shards
    constants: {engine: "null", runtime: 30ms, warmup: 0, size: 1m}
    axes:
      mode: [virtio-blk, vext]
    repeat: 4
    seed: 5
    """

  private static func start(_ arguments: [String], in folder: URL) throws -> Process {
    let process = Process()
    process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
      .deletingLastPathComponent().appending(path: "bench")
    process.arguments = arguments
    process.currentDirectoryURL = folder
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    return process
  }

  private static func run(_ arguments: [String], in folder: URL) throws -> Int32 {
    let process = try start(arguments, in: folder)
    process.waitUntilExit()
    return process.terminationStatus
  }

  private static func finishedCount(_ folder: URL) -> Int {
    let names = try? FileManager.default.contentsOfDirectory(atPath: folder.appending(path: "boots").path)
    return (names ?? []).count { $0.hasSuffix(".csv") && !$0.hasSuffix(".part.csv") }
  }

  @Test(arguments: 0..<2)
  func `a shard that was killed and resumed is merged to the plan's rows, none lost or doubled`(trial: Int)
    throws
  {
    let folder = URL(filePath: "/tmp/vext-t2-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data(Self.scenario.utf8).write(to: folder.appending(path: "s.yaml"))
    let victim = try Self.start(["matrix", "s.yaml", "--shard", "1/2", "--output", "one"], in: folder)
    // At another moment of a boot in each trial.
    let end = Date(timeIntervalSinceNow: 60)
    while Self.finishedCount(folder.appending(path: "one")) < 1 + trial % 2, Date() < end {
      Thread.sleep(forTimeInterval: 0.001)
    }
    Thread.sleep(forTimeInterval: 0.015 * Double(trial))
    kill(victim.processIdentifier, SIGKILL)
    victim.waitUntilExit()
    #expect(victim.terminationReason == .uncaughtSignal)
    #expect(try Self.run(["matrix", "s.yaml", "--shard", "2/2", "--output", "two"], in: folder) == 0)
    #expect(try Self.run(["merge", "one", "two", "--output", "early"], in: folder) == 65)
    // The killed one's boot may go on for a moment, and keeps nobody from the folder.
    #expect(try Self.run(["matrix", "--resume", "one"], in: folder) == 0)
    #expect(try Self.run(["merge", "two", "one", "--output", "whole"], in: folder) == 0)
    let file = try RowFile(path: folder.appending(path: "whole/rows.csv").path)
    let cells = try file.rows.map { "\(try $0.integer(\.repetition)) \($0.text(\.mode) ?? "")" }
    #expect(cells.sorted() == (1...4).flatMap { ["\($0) vext", "\($0) virtio-blk"] })
    #expect(Set(file.rows.map { $0.text(\.runID) }).count == 8)
    #expect(!FileManager.default.fileExists(atPath: folder.appending(path: "early").path))
  }
}
