import Foundation

/// The SHA-256 of every file of a bundle, as `sha256sum` writes and checks them.
enum ChecksumFile {
  /// Its name in the bundle.
  static let name = "SHA256SUMS"
  /// Names given to one process.
  private static let namesAtOnce = 500

  /// The sums of all files below `folder` but for its own, a line each.
  static func text(of folder: String) throws -> String {
    let names = try BundleDerivation.names(below: folder).filter { $0 != name }
    var text = ""
    for start in stride(from: 0, to: names.count, by: namesAtOnce) {
      let some = names[start..<min(names.count, start + namesAtOnce)]
      let run = try CommandRun(["sha256sum", "--"] + some, folder: folder, separatesErrors: true)
      guard run.exitCode == 0 else {
        throw BenchFailure("sha256sum failed: \(run.errors)", exitCode: .ioError)
      }
      text += run.output + "\n"
    }
    return text
  }

  /// The first file whose sum differs from what the file of sums says; nil if there is none.
  static func difference(in folder: String) throws -> String? {
    let recorded: String
    do {
      recorded = try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)
    } catch {
      throw BenchFailure("the archive is not a bundle: it has no \(name)", exitCode: .dataError)
    }
    let fresh = try text(of: folder)
    if recorded == fresh { return nil }
    let (old, new) = (sums(recorded), sums(fresh))
    let differing = Set(old.keys).union(new.keys).sorted().first { old[$0] != new[$0] }
    guard let differing else { return "\(name) lists files in another order" }
    if new[differing] == nil { return "\(differing) is missing" }
    return old[differing] == nil ? "\(differing) is in no list of sums" : "\(differing) was changed"
  }

  private static func sums(_ text: String) -> [String: Substring] {
    var sums: [String: Substring] = [:]
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
      guard words.count == 2 else { continue }
      sums[words[1].trimmingCharacters(in: .whitespaces)] = words[0]
    }
    return sums
  }
}
