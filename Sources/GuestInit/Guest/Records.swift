/// Texts that stand one after another in memory, each with its NUL.
struct Records {
  private var rest: Text

  init(_ text: Text) { rest = text }

  /// How many there are from here on; the last one's NUL may be missing.
  var count: Int {
    var copy = self
    var count = 0
    while copy.next() != nil { count += 1 }
    return count
  }

  /// The next text, an empty one too; nil at the end.
  mutating func next() -> Text? {
    guard !rest.isEmpty else { return nil }
    let end = rest.index(of: 0) ?? rest.count
    let record = rest.upToNul(at: end)
    rest = rest.dropFirst(end + 1)
    return record
  }
}
