/// Text within a gnuplot script. Names of hosts and data come from files, and must not become commands.
enum GnuplotText {
  /// `text` as a string constant: in single quotes, in which gnuplot interprets nothing.
  static func quoted(_ text: String) -> String {
    "'" + plain(text).split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
  }

  /// `text` as a string constant for a mark on an axis, in which gnuplot takes `%` for the begin of a format.
  static func mark(_ text: String) -> String { quoted(text.replacing("%", with: "%%")) }

  /// `text` on one line, without characters that a script, a column or a comment would take for an end.
  static func plain(_ text: String) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
  }

  /// `value` as data.
  static func number(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : "\(value)"
  }

  /// `sentences` in lines of at most `width` characters; each begins a line of its own.
  static func wrapped(_ sentences: [String], width: Int) -> [String] {
    sentences.flatMap { sentence in
      var lines: [String] = []
      var line = ""
      for word in plain(sentence).split(separator: " ") {
        if !line.isEmpty, line.count + 1 + word.count > width {
          lines.append(line)
          line = ""
        }
        line += line.isEmpty ? String(word) : " \(word)"
      }
      return line.isEmpty ? lines : lines + [line]
    }
  }
}
