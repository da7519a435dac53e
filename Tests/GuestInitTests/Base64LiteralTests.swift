import EmbeddedImage
import Testing

@Suite("A literal in Base64")
struct Base64LiteralTests {
  @Test func `Base64 decodes to the bytes that it encodes, whatever the padding`() {
    #expect(Base64Literal.decode("") == [])
    #expect(Base64Literal.decode("AA==") == [0])
    #expect(Base64Literal.decode("+/8=") == [0xFB, 0xFF])
    #expect(Base64Literal.decode("TWFu") == Array("Man".utf8))
  }
}
