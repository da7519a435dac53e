import Foundation
import Testing

@testable import Bench

/// On a repository of two commits whose build script makes a program that prints its commit's text.
struct RevisionBuildsTests {
  private static let buildScript = """
    #!/bin/sh
    set -e
    root=$(cd "$(dirname "$0")/../.." && pwd)
    echo "$1 ${VEXT_TRAITS-}" >> "$root/built"
    mkdir -p "$root/.build/release"
    printf '#!/bin/sh\\ncat "%s/Package.swift"\\n' "$root" > "$root/.build/release/bench"
    chmod +x "$root/.build/release/bench"
    echo "$root/.build/release/bench"
    """

  private func run(_ command: [String], in folder: String) throws -> String {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = command
    process.currentDirectoryURL = URL(filePath: folder)
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let data = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "\(command)")
    return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// Makes the repository, and answers its first commit.
  private func makeRepository(in folder: borrowing TemporaryFolder) throws -> String {
    let root = folder.file("repository")
    try FileManager.default.createDirectory(atPath: "\(root)/scripts/lib", withIntermediateDirectories: true)
    try Data(Self.buildScript.utf8).write(to: URL(filePath: "\(root)/scripts/lib/build"))
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o755], ofItemAtPath: "\(root)/scripts/lib/build")
    let git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    _ = try run(git + ["init", "-q"], in: root)
    for text in ["first", "second"] {
      try Data(text.utf8).write(to: URL(filePath: "\(root)/Package.swift"))
      _ = try run(git + ["add", "Package.swift", "scripts"], in: root)
      _ = try run(git + ["commit", "-q", "-m", text], in: root)
    }
    return try run(git + ["rev-parse", "HEAD~1"], in: root)
  }

  @Test("a revision is built once, in a work tree of its own, which stays a clean checkout of it")
  func olderRevision() throws {
    let folder = try TemporaryFolder()
    let first = try makeRepository(in: folder)
    let builds = RevisionBuilds(
      repository: try GitRepository(containing: folder.file("repository/scripts")),
      folder: folder.file("builds"))
    let watch = InterruptionWatch()
    let side = try builds.side("a", revision: "HEAD~1", watch: watch)
    #expect(side.title == "HEAD~1 (\(first.prefix(12)))")
    #expect(try run([side.program], in: folder.path) == "first")
    #expect(try builds.side("a", revision: first, watch: watch).program == side.program)
    let built = try folder.text(of: "builds/\(first)/built")
    #expect(built == "bench \n")
    let revision = try SourceRevision.capture(folder: URL(filePath: side.program).deletingLastPathComponent())
    #expect(first.hasPrefix(revision.name))
    #expect(revision.isDirty == false)
  }

  @Test("the checkout itself stands for its own commit as long as it has no changes")
  func checkout() throws {
    let folder = try TemporaryFolder()
    _ = try makeRepository(in: folder)
    let root = folder.file("repository")
    let repository = try GitRepository(containing: root)
    let builds = RevisionBuilds(repository: repository, folder: folder.file("builds"))
    let watch = InterruptionWatch()
    #expect(try builds.side("a", revision: "HEAD", watch: watch).program.hasPrefix(repository.root))
    try Data("changed".utf8).write(to: URL(filePath: "\(root)/Package.swift"))
    #expect(try repository.isDirty())
    let committed = try builds.side("a", revision: "HEAD", watch: watch)
    #expect(try run([committed.program], in: folder.path) == "second")
    let changed = try builds.side("b", revision: ".", watch: watch)
    #expect(changed.title.contains("with changes"))
    #expect(try run([changed.program], in: folder.path) == "changed")
  }

  @Test("an unknown revision, a build that fails and a folder without git are refused")
  func refusals() throws {
    let folder = try TemporaryFolder()
    _ = try makeRepository(in: folder)
    let root = folder.file("repository")
    let builds = RevisionBuilds(
      repository: try GitRepository(containing: root), folder: folder.file("builds"))
    let watch = InterruptionWatch()
    for name in ["nonsense", "--help", ""] {
      let failure = #expect(throws: BenchFailure.self) { try builds.side("a", revision: name, watch: watch) }
      #expect(failure?.exitCode == .noInput)
    }
    try Data("#!/bin/sh\nexit 1\n".utf8).write(to: URL(filePath: "\(root)/scripts/lib/build"))
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o755], ofItemAtPath: "\(root)/scripts/lib/build")
    let failure = #expect(throws: BenchFailure.self) { try builds.side("a", revision: ".", watch: watch) }
    #expect(failure?.exitCode == .unavailable)
    #expect(throws: BenchFailure.self) { try GitRepository(containing: folder.path) }
  }
}
