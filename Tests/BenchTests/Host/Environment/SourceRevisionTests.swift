import Foundation
import Testing

@testable import Bench

struct SourceRevisionTests {
  private func git(_ arguments: [String], in folder: String) throws {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments =
      ["git", "-c", "user.name=Nobody", "-c", "user.email=nobody@example.org", "-c", "commit.gpgsign=false"]
      + arguments
    process.currentDirectoryURL = URL(filePath: folder)
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0)
  }

  @Test("the revision of a checkout is its commit, and dirty once a tracked file differs")
  func checkout() throws {
    let folder = try TemporaryFolder()
    try Data("one".utf8).write(to: URL(filePath: folder.file("file")))
    try git(["init", "-q"], in: folder.path)
    try git(["add", "file"], in: folder.path)
    try git(["-c", "core.hooksPath=/dev/null", "commit", "-q", "-m", "first"], in: folder.path)
    try Data("untracked".utf8).write(to: URL(filePath: folder.file("other")))
    let clean = try SourceRevision.capture(folder: URL(filePath: folder.path))
    #expect(clean.name.count == 12)
    #expect(clean.isDirty == false)
    try Data("two".utf8).write(to: URL(filePath: folder.file("file")))
    let dirty = try SourceRevision.capture(folder: URL(filePath: folder.path))
    #expect(dirty.name == clean.name)
    #expect(dirty.isDirty == true)
  }

  @Test("outside a checkout, and without git, the revision is unknown")
  func unknown() throws {
    let folder = try TemporaryFolder()
    let url = URL(filePath: folder.path)
    #expect(try SourceRevision.capture(folder: url) == .unknown)
    #expect(try SourceRevision.capture(folder: url, git: "no-such-git") == .unknown)
  }
}
