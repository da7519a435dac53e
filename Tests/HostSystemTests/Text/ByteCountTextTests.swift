import HostSystem
import Testing

struct ByteCountTextTests {
  @Test(
    "letters are powers of 1024, in either case",
    arguments: [
      ("0", 0), ("4096", 4096), ("4k", 4096), ("4K", 4096), ("1m", 1 << 20), ("2G", 2 << 30), ("1t", 1 << 40),
      ("1P", 1 << 50), ("9223372036854775807", UInt64(Int64.max)),
    ] as [(String, UInt64)])
  func letters(text: String, byteCount: UInt64) {
    #expect(ByteCountText.byteCount(text) == byteCount)
  }

  @Test(
    "text that is not a whole number of bytes below 2^63, or has an unknown suffix, is refused",
    arguments: [
      "", "k", "-1", "+1", "1.5", " 1", "1 ", "4kk", "4x", "4b", "4kb", "4ki", "4kib", "0x10", "٤",
      "9223372036854775808", "18446744073709551616", "8388608t", "16384p", "99999999999999999999k",
    ])
  func refused(text: String) {
    #expect(ByteCountText.byteCount(text) == nil)
  }

  @Test("each syntax adds its suffixes and no others")
  func syntaxes() {
    let cases: [(String, ByteCountText.Syntax, UInt64?)] = [
      ("4KiB", .binarySuffixes, 4096), ("4ki", .binarySuffixes, 4096), ("4kb", .binarySuffixes, nil),
      ("4kb", .binaryB, 4096), ("4KB", .decimalB, 4000), ("1PB", .decimalB, 1_000_000_000_000_000),
      ("4kib", .decimalB, nil), ("7B", .plainB, 7), ("7kB", .plainB, nil),
      ("0x10", .hexadecimal, 16), ("0X1fk", .hexadecimal, 0x1F << 10), ("0x4b", .hexadecimal, 0x4B),
      ("0x", .hexadecimal, nil), ("16", .hexadecimal, 16),
    ]
    for (text, syntax, expected) in cases {
      #expect(ByteCountText.byteCount(text, syntax) == expected, "\(text)")
    }
  }

  @Test("a number without a suffix counts the unit that the command names")
  func plainUnit() {
    #expect(ByteCountText.byteCount("512", plainUnit: 1 << 20) == 512 << 20)
    #expect(ByteCountText.byteCount("512k", plainUnit: 1 << 20) == 512 << 10)
    #expect(ByteCountText.byteCount("8796093022208", plainUnit: 1 << 20) == nil)
  }
}
