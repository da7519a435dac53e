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
  static func capture(
    folder: URL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent(),
    git: String = "git"
  ) -> SourceRevision {
    guard let name = output(of: [git, "rev-parse", "--short=12", "HEAD"], in: folder), !name.isEmpty,
      let changes = output(of: [git, "status", "--porcelain", "--untracked-files=no"], in: folder)
    else { return .unknown }
    return SourceRevision(name: name, isDirty: !changes.isEmpty)
  }

  /// What a command prints, or nil if it cannot be run or fails.
  private static func output(of command: [String], in folder: URL) -> String? {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = command
    process.currentDirectoryURL = folder
    let pipe = Pipe()
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil, let data = try? pipe.fileHandleForReading.readToEnd() ?? Data() else {
      return nil
    }
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { return nil }
    return String(data: data, encoding: .utf8)?.trimmingCharacters(in: .whitespacesAndNewlines)
  }
}
