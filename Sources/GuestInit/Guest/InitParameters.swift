/// What stands on the kernel's command line. Where a parameter is given twice, the last one counts.
struct InitParameters {
  /// The parameters, each with a NUL.
  private let text: Text

  /// Reads /proc/cmdline, which must be mounted.
  init(_ arena: inout InitArena) throws(Errno) {
    text = try arena.contents(of: "/proc/cmdline", separator: UInt8(ascii: "\n"))
    Self.split(text)
  }

  /// Puts a NUL after each parameter. Spaces between double quotes separate nothing, as for the kernel.
  private static func split(_ text: Text) {
    // SAFETY: the arena's memory is ours to change, and this is the only reference to it.
    let bytes = unsafe UnsafeMutablePointer(mutating: text.start)
    var isQuoted = false
    for index in 0..<text.count {
      if text[index] == UInt8(ascii: "\"") { isQuoted.toggle() }
      if text[index] == UInt8(ascii: " "), !isQuoted { unsafe bytes[index] = 0 }
    }
  }

  /// What follows `name`, which ends in "=".
  func value(_ name: Text) -> Text? {
    var found: Text?
    var records = Records(text)
    while let record = records.next() {
      // What follows "--" is for init's arguments.
      if record == "--" { break }
      if record.starts(with: name) { found = record.dropFirst(name.count) }
    }
    return found
  }

  /// Whether the root is to be writable: "rw" or "ro", whichever comes last.
  var isRootWritable: Bool {
    var isWritable = false
    var records = Records(text)
    while let record = records.next() {
      if record == "--" { break }
      if record == "rw" { isWritable = true }
      if record == "ro" { isWritable = false }
    }
    return isWritable
  }
}
