/// One option of a fio job: `rw=read`, or `time_based` alone.
struct FioJobOption: Codable, Equatable, Sendable {
  /// fio's own name of it, also where the file uses an alias.
  let key: String
  /// The text behind the equals sign; nil without one.
  let value: String?

  /// The option in `line`, which has no comment.
  init(line: String) {
    let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let key = String(parts.first ?? "").trimmingSuffix(while: \.isWhitespace)
    self.key = FioOptionTable.aliases[key] ?? key
    value = parts.count > 1 ? String(parts[1]) : nil
  }

  /// An option of bench's own.
  init(_ key: String, _ value: String?) {
    self.key = key
    self.value = value
  }

  /// The line for fio.
  var line: String { value.map { "\(key)=\($0)" } ?? key }

  /// Whether it says yes: a boolean option without a value, or with one that is not 0.
  var isOn: Bool { value.map { $0 != "0" } ?? true }
}

extension String {
  fileprivate func trimmingSuffix(while predicate: (Character) -> Bool) -> String {
    var text = self[...]
    while let last = text.last, predicate(last) { text.removeLast() }
    return String(text)
  }
}
