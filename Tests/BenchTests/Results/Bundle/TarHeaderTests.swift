import Testing

@testable import Bench

struct TarHeaderTests {
  /// A header of ustar, with a right checksum.
  static func block(
    _ name: String, kind: Character = "0", size: String = "00000000000", prefix: String = "",
    change: (inout [UInt8]) -> Void = { _ in }
  ) -> [UInt8] {
    var block = [UInt8](repeating: 0, count: 512)
    func put(_ text: String, at place: Int) {
      for (index, byte) in text.utf8.enumerated() { block[place + index] = byte }
    }
    put(name, at: 0)
    put(size, at: 124)
    put(String(kind), at: 156)
    put("ustar\u{0}00", at: 257)
    put(prefix, at: 345)
    change(&block)
    for place in 148..<156 { block[place] = UInt8(ascii: " ") }
    let sum = block.reduce(0) { $0 + Int($1) }
    let digits = String(sum, radix: 8)
    put(String(repeating: "0", count: 6 - digits.count) + digits, at: 148)
    block[154] = 0
    return block
  }

  private func refusal(_ block: [UInt8]) -> String? {
    do throws(TarHeader.Refusal) {
      _ = try TarHeader(block)
      return nil
    } catch {
      return error.reason
    }
  }

  @Test("files and folders with plain paths are read, and zeros end an archive")
  func plain() throws {
    let file = try #require(try TarHeader(Self.block("run/rows.csv", size: "00000001750")))
    #expect(file.name == "run/rows.csv" && file.byteCount == 1000 && file.kind == .file)
    let folder = try #require(try TarHeader(Self.block("run/boots/", kind: "5")))
    #expect(folder.name == "run/boots" && folder.kind == .folder)
    #expect(try TarHeader(Self.block("rows.csv", prefix: "run/deep"))?.name == "run/deep/rows.csv")
    #expect(try TarHeader([UInt8](repeating: 0, count: 512)) == nil)
  }

  @Test("paths that leave the folder, or mean something to a shell, are refused")
  func paths() {
    for name in [
      "../x", "run/../../x", "/etc/passwd", "run//x", "run/./x", "", "run/-x", "run/a b", "run/é", "run/x\n",
      "run/`x`", "run/..", "~/x", "run/$x",
    ] {
      #expect(refusal(Self.block(name)) != nil, "\(name)")
    }
    #expect(refusal(Self.block("x", prefix: "/etc")) != nil)
    #expect(refusal(Self.block("x", prefix: "..")) != nil)
  }

  @Test("links, devices, sparse files and extensions are refused")
  func kinds() {
    for kind: Character in ["1", "2", "3", "4", "6", "7", "x", "g", "L", "K", "S", "\u{0}"] {
      #expect(refusal(Self.block("run/x", kind: kind))?.contains("neither a file nor a folder") == true)
    }
    #expect(refusal(Self.block("run/x", kind: "5", size: "00000000010")) != nil)
  }

  @Test("damaged headers, and sizes that are not octal numbers, are refused")
  func damage() {
    #expect(refusal([UInt8](repeating: 1, count: 512))?.contains("checksum") == true)
    #expect(refusal([UInt8](repeating: 0, count: 100))?.contains("cut off") == true)
    #expect(refusal(Self.block("x") { $0[257] = 0 })?.contains("ustar") == true)
    // GNU's binary size.
    #expect(refusal(Self.block("x") { $0[124] = 0x80 })?.contains("octal") == true)
    #expect(refusal(Self.block("x", size: "99999999999"))?.contains("octal") == true)
  }
}
