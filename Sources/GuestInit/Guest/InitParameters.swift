/// What stands on the kernel's command line. Where a parameter is given twice, the last one counts.
struct InitParameters {
  /// The parameters, each with a NUL.
  private let text: Text

  /// Reads /proc/cmdline, which must be mounted.
  init(_ arena: inout InitArena) throws(Errno) {
    var isQuoted = false
    // Spaces between double quotes separate nothing, as for the kernel.
    text = try arena.contents(of: "/proc/cmdline") { byte in
      if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
      return byte == UInt8(ascii: "\n") || byte == UInt8(ascii: " ") && !isQuoted
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
