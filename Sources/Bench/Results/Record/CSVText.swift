import Foundation

/// Reads comma-separated text as results/SCHEMA.md defines it, or as a spreadsheet saved it, and trusts none of it.
///
/// Lines may end with CRLF, and a byte order mark may stand before the text. Other control characters than tabs are refused.
struct CSVText: Sendable {
  /// What is wrong, and where.
  struct Fault: Error, Equatable {
    /// From 1.
    let line: Int
    /// Why the text cannot be read.
    let reason: String
  }

  /// One record: where its fields stand in the text.
  struct Record: Equatable, Sendable {
    /// The line that it begins on, from 1.
    var line: Int
    /// The bytes of each field, quotes included.
    var fields: [Range<Int>]
  }

  private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

  /// Calls `body` with each record of `bytes` in turn.
  static func forEachRecord(
    in bytes: [UInt8], _ body: (Record) throws(Fault) -> Void
  ) throws(Fault) {
    if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
      throw Fault(line: 1, reason: "the text is UTF-16; save it as CSV in UTF-8")
    }
    var reader = CSVText(start: bytes.starts(with: byteOrderMark) ? byteOrderMark.count : 0)
    for place in reader.fieldStart..<max(reader.fieldStart, bytes.count) {
      if try reader.read(bytes[place], at: place) {
        try body(reader.record)
        reader.startRecord(at: place + 1)
      }
    }
    if reader.state == .quoted {
      throw Fault(line: reader.record.line, reason: "a quote is opened and never closed")
    }
    if reader.state == .carriageReturn { throw reader.strayCarriageReturn }
    if reader.hasContent {
      throw Fault(line: reader.record.line, reason: "the line is cut off: it has no line end")
    }
  }

  /// The text of a field of `bytes`, quotes taken off.
  static func text(_ bytes: [UInt8], _ field: Range<Int>, line: Int) throws(Fault) -> String {
    let quote = UInt8(ascii: "\"")
    guard let first = field.first, bytes[first] == quote else {
      return try validated(bytes[field], line: line)
    }
    var text: [UInt8] = []
    var isSecondQuote = false
    for byte in bytes[(field.lowerBound + 1)..<(field.upperBound - 1)] {
      isSecondQuote = byte == quote && !isSecondQuote
      if !isSecondQuote { text.append(byte) }
    }
    return try validated(text[...], line: line)
  }

  private static func validated(_ bytes: ArraySlice<UInt8>, line: Int) throws(Fault) -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw Fault(line: line, reason: "the text is not UTF-8")
    }
    return text
  }

  private enum State {
    case start
    case plain
    case quoted
    case quoteInQuoted
    case carriageReturn
  }

  /// `text` in quotes for a message, its beginning if it is long.
  static func quoted(_ text: String) -> String {
    let longest = 60
    return text.count > longest ? "'\(text.prefix(longest))...'" : "'\(text)'"
  }

  /// Whether `byte` is a control character that may not stand in a field, not even within quotes. A terminal would obey it.
  static func isControl(_ byte: UInt8) -> Bool { byte < 0x20 && byte != 0x09 && byte != 0x0A && byte != 0x0D }

  private var record = Record(line: 1, fields: [])
  private var fieldStart: Int
  private var state = State.start
  private var line = 1

  private init(start: Int) { fieldStart = start }

  private var hasContent: Bool { state != .start || !record.fields.isEmpty }

  private var strayCarriageReturn: Fault {
    Fault(
      line: line, reason: "a carriage return is not followed by a line feed: line ends must be LF or CRLF")
  }

  private var emptyLine: Fault { Fault(line: record.line, reason: "the line is empty") }

  /// Reads one byte, and answers whether a record has ended with it.
  private mutating func read(_ byte: UInt8, at place: Int) throws(Fault) -> Bool {
    let (comma, quote) = (UInt8(ascii: ","), UInt8(ascii: "\""))
    let (lineFeed, carriageReturn) = (UInt8(ascii: "\n"), UInt8(ascii: "\r"))
    if Self.isControl(byte) {
      throw Fault(
        line: line,
        reason:
          "the text holds the control character \(String(format: "0x%02X", byte)), which no file of rows does"
      )
    }
    if byte == lineFeed { line += 1 }
    switch (state, byte) {
    case (.plain, _) where byte > comma: break
    case (.start, quote): state = .quoted
    case (.quoted, quote): state = .quoteInQuoted
    case (.quoteInQuoted, quote): state = .quoted
    case (.quoted, _): break
    case (.carriageReturn, lineFeed): return true
    case (.carriageReturn, _): throw strayCarriageReturn
    case (_, comma):
      record.fields.append(fieldStart..<place)
      fieldStart = place + 1
      // Another field follows, even an empty one.
      state = .start
    case (_, lineFeed), (_, carriageReturn):
      guard hasContent else { throw emptyLine }
      record.fields.append(fieldStart..<place)
      if byte == lineFeed { return true }
      state = .carriageReturn
    case (.quoteInQuoted, _):
      throw Fault(line: record.line, reason: "a closing quote is followed by more text")
    case (.plain, quote): throw Fault(line: record.line, reason: "a quote stands within a field")
    default: state = .plain
    }
    return false
  }

  private mutating func startRecord(at place: Int) {
    fieldStart = place
    record.line = line
    record.fields.removeAll(keepingCapacity: true)
    state = .start
  }
}
