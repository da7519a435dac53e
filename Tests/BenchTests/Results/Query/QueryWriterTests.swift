import Testing

@testable import Bench

struct QueryWriterTests {
  @Test(arguments: [QueryWriter.Format.table, .markdown])
  func `control characters of values and names are shown as escapes`(format: QueryWriter.Format) throws {
    var text = ""
    var writer = QueryWriter(format: format) { text += $0 }
    try writer.begin(["a\u{1B}[2J"])
    try writer.add([.text("red\u{1B}[31m\nnext\u{9B}é")])
    try writer.end()
    #expect(text.contains(#"red\u{1B}[31m\nnext\u{009B}é"#), "\(text)")
    #expect(text.unicodeScalars.allSatisfy { $0 == "\n" || $0.properties.generalCategory != .control })
    #expect(text.split(separator: "\n").count == 3)
  }
}
