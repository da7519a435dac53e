import Foundation

/// The last lines of a guest's console, for a person who asks why it failed.
enum ConsoleTail {
  private static let lineCount = 20
  private static let byteCount: UInt64 = 8192

  /// The lines of the file at `path`, indented.
  static func text(of path: String) -> String { lines(of: path).map { "\n  | \($0)" }.joined() }

  /// The lines of the file at `path`; without what a terminal would act upon.
  static func lines(of path: String) -> [String] {
    guard let handle = FileHandle(forReadingAtPath: path) else { return [] }
    // A console that cannot be read tells nothing.
    let end = (try? handle.seekToEnd()) ?? 0
    try? handle.seek(toOffset: end - min(end, byteCount))
    let data = (try? handle.readToEnd()) ?? Data()
    return lines(String(decoding: data, as: UTF8.self))
  }

  /// The last lines of `text` that are not empty.
  static func lines(_ text: String) -> [String] {
    text.split(whereSeparator: \.isNewline)
      .map {
        String(String.UnicodeScalarView($0.unicodeScalars.filter { $0.value >= 32 && $0.value != 127 }))
      }
      .filter { !$0.isEmpty }.suffix(lineCount)
  }
}
