import Testing

@testable import Bench

/// Numbers in files of rows, which are decimal.
struct DecimalTextTests {
  /// What Swift's, C's or Python's readers take for numbers, and bench never writes.
  static let foreign = [
    "", "-", "+", "+1", "+1.5", "0x10", "0X1p4", "1_000", "1,000", " 1", "1 ", "1\t", "\u{0}1", "1\u{0}",
    "--1", "- 1",
    "inf", "-inf", "infinity", "nan", "NaN", "nan(1)", "true", "١", "１", "½", "1.", ".5", "1..5", "1.5.5",
    "1e", "1e+", "e5", "1e5.5",
    "0b1", "0o7", "1f", "1k", "1%",
  ]

  @Test(arguments: foreign)
  func `text other than a decimal number is refused`(text: String) {
    #expect(DecimalText.number(text) == nil)
    #expect(DecimalText.integer(text) as Int? == nil)
    #expect(DecimalText.integer(text) as UInt64? == nil)
  }

  @Test(
    arguments: [
      ("0", 0), ("-1", -1), ("007", 7), ("0.100", 0.1), ("-0.5", -0.5), ("1e3", 1000), ("1E+05", 100_000),
      ("2.5e-3", 0.0025),
    ] as [(String, Double)])
  func `numbers that bench or a spreadsheet writes are read`(text: String, number: Double) {
    #expect(DecimalText.number(text) == number)
  }

  @Test(arguments: ["1e400", "-1e400", "9\(String(repeating: "0", count: 400))"])
  func `numbers that are too large for a Double are refused`(text: String) {
    #expect(DecimalText.number(text) == nil)
  }

  @Test func `whole numbers have no fraction, and fit into their type`() {
    #expect(DecimalText.integer("-9223372036854775808") as Int? == Int.min)
    #expect(DecimalText.integer("9223372036854775808") as Int? == nil)
    #expect(DecimalText.integer("18446744073709551615") as UInt64? == UInt64.max)
    #expect(DecimalText.integer("18446744073709551616") as UInt64? == nil)
    #expect(DecimalText.integer("-1") as UInt64? == nil)
    #expect(DecimalText.integer("1.0") as Int? == nil)
    #expect(DecimalText.integer("1e3") as Int? == nil)
  }

  @Test(arguments: ["0x5%", "inf%", "nan%", "+5%", " 5%", "5 %", "1e400%", "%", "-5%", "0%"])
  func `shares in percent are decimal numbers above 0`(text: String) {
    #expect(Percentage(text) == nil)
  }

  @Test(arguments: ["+1/2", "1/+2", "0x1/2", " 1/2", "1 /2", "1/2/3", "0/2", "3/2", "-1/2"])
  func `parts of a plan are decimal numbers`(text: String) {
    #expect(ExperimentShard(argument: text) == nil)
  }
}
