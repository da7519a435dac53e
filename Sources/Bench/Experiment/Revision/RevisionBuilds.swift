import Foundation
import HostSystem
import SystemPackage

/// Builds bench at other revisions, each in a work tree of its own below a cache folder, where it stays for the next time.
struct RevisionBuilds: Sendable {
  let repository: GitRepository
  /// Where the work trees are.
  var folder = "\(CalibrationStore.userCacheFolder)/builds"

  /// A release build takes minutes on a slow machine, and an hour on none.
  private static let buildSeconds = 3600.0

  /// The side that starts bench as `name` has it: a revision, or `.` for the checkout as it is now.
  func side(_ sideName: String, revision name: String, watch: InterruptionWatch) throws -> ExperimentSide {
    if name == "." {
      let program = try build(in: repository.root, watch: watch)
      let title =
        "the checkout\(try repository.isDirty() ? ", with changes" : "") at \(try repository.commit("HEAD")?.prefix(12) ?? "")"
      return try ExperimentSide(name: sideName, title: title, program: program)
    }
    guard let commit = try repository.commit(name) else {
      throw BenchFailure(
        "'\(name)' is neither a file nor a revision of \(repository.root)", exitCode: .noInput)
    }
    let title = commit.hasPrefix(name) ? String(commit.prefix(12)) : "\(name) (\(commit.prefix(12)))"
    return try ExperimentSide(name: sideName, title: title, program: try program(of: commit, watch: watch))
  }

  /// The release build of `commit`: this checkout's, if it is at that commit and has no changes.
  private func program(of commit: String, watch: InterruptionWatch) throws -> String {
    if try repository.commit("HEAD") == commit, try !repository.isDirty() {
      return try build(in: repository.root, isolated: true, watch: watch)
    }
    let tree = "\(folder)/\(commit)"
    // In the work tree, so that the build knows its own revision; untracked there, so that it is not a change.
    let kept = "\(tree)/.build/bench"
    if FileManager.default.isExecutableFile(atPath: kept) { return kept }
    if !FileManager.default.fileExists(atPath: "\(tree)/Package.swift") {
      do {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      } catch {
        throw BenchFailure("cannot make \(folder): \(error.plainWords)", exitCode: .cannotCreate)
      }
      try repository.addWorkTree(commit, at: tree)
    }
    let built = try build(in: tree, isolated: true, watch: watch)
    do {
      // The program alone is kept: everything else that a build makes is a thousand times larger.
      try FileManager.default.copyItem(atPath: built, toPath: "\(tree)/bench.built")
      try FileManager.default.removeItem(atPath: "\(tree)/.build")
      try FileManager.default.createDirectory(atPath: "\(tree)/.build", withIntermediateDirectories: false)
      try FileManager.default.moveItem(atPath: "\(tree)/bench.built", toPath: kept)
    } catch {
      throw BenchFailure(
        "cannot keep the build of \(commit): \(error.plainWords)", exitCode: .cannotCreate)
    }
    return kept
  }

  /// Runs the checkout's own build script, whose output the user sees.
  ///
  /// - Parameter isolated: Whether traits of the caller's build (`VEXT_TRAITS`) are kept away.
  /// - Returns: The program's path.
  private func build(in tree: String, isolated: Bool = false, watch: InterruptionWatch) throws -> String {
    var environment = ProcessInfo.processInfo.environment
    if isolated { environment["VEXT_TRAITS"] = nil }
    let script = "\(tree)/scripts/lib/build"
    guard FileManager.default.isExecutableFile(atPath: script) else {
      throw BenchFailure("\(tree) has no scripts/lib/build to build bench with", exitCode: .dataError)
    }
    let (exitCode, text) = try run(script, environment: environment, tree: tree, watch: watch)
    guard exitCode == 0, let path = text.split(separator: "\n").last else {
      throw BenchFailure("bench could not be built in \(tree)", exitCode: .unavailable)
    }
    return String(path)
  }
  private func run(
    _ script: String, environment: [String: String], tree: String, watch: InterruptionWatch
  ) throws(BenchFailure) -> (exitCode: Int32, output: String) {
    do throws(Errno) {
      let output = try MemoryFile(name: "output")
      var child = try ChildProcess(
        path: script, arguments: ["bench"], environment: environment, output: output.descriptor)
      let start = Date()
      while try child.isRunning() {
        if watch.isInterrupted || -start.timeIntervalSinceNow > Self.buildSeconds { break }
        Thread.sleep(forTimeInterval: 0.1)
      }
      if let exitCode = child.exitCode {
        return (exitCode, String(decoding: try output.contents(), as: UTF8.self))
      }
      try child.end()
    } catch {
      throw BenchFailure("cannot run \(script): \(error)", exitCode: .unavailable)
    }
    throw BenchFailure("the build in \(tree) was cut off", exitCode: watch.exitCode ?? .unavailable)
  }
}
