import Foundation

/// A recorded command line as a reader can paste it into a shell in a checkout.
enum PastedCommand {
  /// The text of `words`, whose program is this project's and whose outputs get their own place.
  static func text(_ words: [String]) -> String {
    var kept = ["scripts/bench"]
    var skipsValue = false
    for word in words.dropFirst() {
      if skipsValue {
        skipsValue = false
      } else if word == "--output" {
        skipsValue = true
      } else if !word.hasPrefix("--output="), word != "--quiet" {
        kept.append(withoutFolder(word))
      }
    }
    return kept.map(shellWord).joined(separator: " ")
  }

  /// `word`, without the folders of an absolute path that only the recording host has. Devices keep theirs.
  private static func withoutFolder(_ word: String) -> String {
    let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard let value = parts.last, value.hasPrefix("/"), !value.hasPrefix("/dev/") else { return word }
    let name = (String(value) as NSString).lastPathComponent
    return parts.count == 2 ? "\(parts[0])=\(name)" : name
  }

  /// `word` as a shell takes it.
  private static func shellWord(_ word: String) -> String {
    let isPlain =
      !word.isEmpty
      && word.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_./=,:+@%".contains($0)) }
    return isPlain ? word : "'" + word.replacing("'", with: "'\\''") + "'"
  }
}
