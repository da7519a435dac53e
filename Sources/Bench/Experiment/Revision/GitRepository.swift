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

  private static func git(_ arguments: [String], in folder: String) throws(BenchFailure) -> CommandRun {
    try CommandRun(["git"] + arguments, folder: folder, separatesErrors: true)
  }
}
