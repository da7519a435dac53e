import Foundation

/// Reads comma-separated text as results/SCHEMA.md defines it, line by line, and trusts none of it.
struct CSVText: Sendable {
  /// One record and the line of the file that it begins on.
  struct Record: Equatable, Sendable {
    /// From 1.
    var line: Int
    /// The fields, quotes taken off.
    var fields: [String]
  }

  /// What is wrong, and where.
  struct Fault: Error, Equatable {
    /// From 1.
    let line: Int
    /// Why the text cannot be read.
    let reason: String
  }

  /// The records of `bytes`.
  static func records(_ bytes: some Sequence<UInt8>) throws(Fault) -> [Record] {
    var reader = CSVText()
    for byte in bytes { try reader.read(byte) }
    if reader.state == .quoted {
      throw Fault(line: reader.record.line, reason: "a quote is opened and never closed")
    }
    if reader.hasContent {
      throw Fault(line: reader.record.line, reason: "the line is cut off: it has no line end")
    }
    return reader.records
  }

  private enum State {
    case start
    case plain
    case quoted
    case quoteInQuoted
  }

  private var records: [Record] = []
  private var record = Record(line: 1, fields: [])
  private var field: [UInt8] = []
  private var state = State.start
  private var line = 1

  private var hasContent: Bool { state != .start || !record.fields.isEmpty }

  private mutating func read(_ byte: UInt8) throws(Fault) {
    let (comma, quote, lineFeed) = (UInt8(ascii: ","), UInt8(ascii: "\""), UInt8(ascii: "\n"))
    if byte == lineFeed { line += 1 }
    switch (state, byte) {
    case (.start, quote): state = .quoted
    case (.quoted, quote): state = .quoteInQuoted
    case (.quoteInQuoted, quote):
      field.append(byte)
      state = .quoted
    case (.quoted, _): field.append(byte)
    case (_, comma):
      try endField()
      // Another field follows, even an empty one.
      state = .start
    case (_, lineFeed): try endRecord()
    case (.quoteInQuoted, _):
      throw Fault(line: record.line, reason: "a closing quote is followed by more text")
    case (.plain, quote): throw Fault(line: record.line, reason: "a quote stands within a field")
    default:
      field.append(byte)
      state = .plain
    }
  }

  private mutating func endField() throws(Fault) {
    guard let text = String(validating: field, as: UTF8.self) else {
      throw Fault(line: record.line, reason: "the text is not UTF-8")
    }
    record.fields.append(text)
    field = []
  }

  private mutating func endRecord() throws(Fault) {
    guard hasContent else { throw Fault(line: record.line, reason: "the line is empty") }
    try endField()
    records.append(record)
    record = Record(line: line, fields: [])
    state = .start
  }
}
