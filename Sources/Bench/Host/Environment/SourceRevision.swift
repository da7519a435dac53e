import Foundation

/// The revision of the source that bench was built from, as git names it.
struct SourceRevision: Codable, Equatable, Sendable {
  /// The abbreviated commit, or `unknown`.
  let name: String
  /// Whether tracked files differ from it; nil if the revision is unknown.
  let isDirty: Bool?

  /// Where git is absent, or bench does not lie in a checkout.
  static let unknown = SourceRevision(name: "unknown", isDirty: nil)

  /// Asks `git` about the checkout that holds `folder`, which for a running bench is the one that it was built in.
  ///
  /// - Throws: ``BenchFailure`` if git is there and cannot be started, as where descriptors or memory are short.
  static func capture(
    folder: URL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent(),
    git: String = "git"
  ) throws(BenchFailure) -> SourceRevision {
    guard CommandRun.find(git) != nil,
      let name = try output(of: [git, "rev-parse", "--short=12", "HEAD"], in: folder), !name.isEmpty,
      let changes = try output(of: [git, "status", "--porcelain", "--untracked-files=no"], in: folder)
    else { return .unknown }
    return SourceRevision(name: name, isDirty: !changes.isEmpty)
  }

  /// What a command prints, or nil if it fails.
  private static func output(of command: [String], in folder: URL) throws(BenchFailure) -> String? {
    let run = try CommandRun(command, folder: folder.path, separatesErrors: true)
    return run.exitCode == 0 ? run.output : nil
  }
}
