import Foundation
import Testing

@testable import Bench

/// scripts/guest-instructions, as far as it needs no virtual host.
struct GuestInstructionsTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  private static let script = root.appending(path: "scripts/guest-instructions").path
  private static let plugin = root.appending(path: "scripts/lib/instructions/plugin.c").path

  private func compare(_ first: String, _ second: String) throws -> CommandRun {
    let folder = try TemporaryFolder()
    for (name, text) in [("a.csv", first), ("b.csv", second)] {
      try folder.write(name, "mode,boot,instructions_per_request\n\(text)")
    }
    return try CommandRun(["python3", Self.script, "--compare", folder.file("a.csv"), folder.file("b.csv")])
  }

  @Test("with one boot a side, one percent more is a regression, as much is unchanged, and less is better")
  func verdicts() throws {
    let worse = try compare("vext,1,200\nvirtio-blk,1,900\n", "vext,1,202\nvirtio-blk,1,900\n")
    #expect(worse.exitCode == 2)
    #expect(worse.output.contains("+1.00 %  regressed") && worse.output.contains("+0.00 %  unchanged"))
    let better = try compare("vext,1,202\n", "vext,1,200\n")
    #expect(better.exitCode == 0 && better.output.contains("improved"))
  }

  @Test("files without a mode in common, or without rows, are no success")
  func unusable() throws {
    #expect(try compare("vext,1,200\n", "virtio-blk,1,200\n").exitCode == 6)
    #expect(try compare("vext,1,many\n", "vext,1,200\n").exitCode == 1)
    #expect(
      try CommandRun(["python3", Self.script, "--compare", "/nowhere.csv", "/nowhere.csv"]).exitCode == 1)
    #expect(try CommandRun(["python3", Self.script, "--mode", "vext-adaptive"]).exitCode == 2)
  }

  @Test(
    "the plugin compiles without warnings",
    .enabled(if: CommandRun.find("cc") != nil, "there is no C compiler"))
  func plugin() throws {
    let folder = try TemporaryFolder()
    let run = try CommandRun([
      "cc", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", folder.file("p.so"), Self.plugin,
    ])
    #expect(run.exitCode == 0, "\(run.output)")
  }
}
