import Foundation

/// The checkout that the user stands in.
struct GitRepository: Sendable {
  /// Its top folder.
  let root: String

  /// The checkout that holds `folder`.
  ///
  /// - Throws: ``BenchFailure`` if there is none, or no git.
  init(containing folder: String = FileManager.default.currentDirectoryPath) throws {
    let answer = try Self.git(["rev-parse", "--show-toplevel"], in: folder)
    guard answer.exitCode == 0, !answer.output.isEmpty else {
      throw BenchFailure("\(folder) lies in no git checkout: a revision cannot be found", exitCode: .usage)
    }
    root = answer.output
  }

  /// The commit that `name` stands for, or nil.
  func commit(_ name: String) throws -> String? {
    guard !name.isEmpty, !name.hasPrefix("-") else { return nil }
    let answer = try Self.git(["rev-parse", "--verify", "--quiet", "\(name)^{commit}"], in: root)
    return answer.exitCode == 0 && !answer.output.isEmpty ? answer.output : nil
  }

  /// Whether tracked files differ from HEAD.
  func isDirty() throws -> Bool {
    !(try Self.git(["status", "--porcelain", "--untracked-files=no"], in: root).output.isEmpty)
  }

  /// Makes a work tree of `commit` at `path`, which must not exist.
  func addWorkTree(_ commit: String, at path: String) throws {
    _ = try Self.git(["worktree", "prune"], in: root)
    let answer = try Self.git(["worktree", "add", "--detach", "--force", path, commit], in: root)
    guard answer.exitCode == 0 else {
      throw BenchFailure("git cannot make the work tree \(path): \(answer.errors)", exitCode: .cannotCreate)
    }
  }

  private struct Answer {
    let exitCode: Int32
    let output: String
    let errors: String
  }

  private static func git(_ arguments: [String], in folder: String) throws -> Answer {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["git"] + arguments
    process.currentDirectoryURL = URL(filePath: folder)
    let (output, errors) = (Pipe(), Pipe())
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = errors
    do {
      try process.run()
    } catch {
      throw BenchFailure("cannot start git: \(error.localizedDescription)", exitCode: .unavailable)
    }
    // Both are far smaller than a pipe's buffer: reading one after the other cannot block.
    let outputData = (try? output.fileHandleForReading.readToEnd()) ?? Data()
    let errorData = (try? errors.fileHandleForReading.readToEnd()) ?? Data()
    process.waitUntilExit()
    func text(_ data: Data) -> String {
      String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
    return Answer(exitCode: process.terminationStatus, output: text(outputData), errors: text(errorData))
  }
}
