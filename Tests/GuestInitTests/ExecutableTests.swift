import GuestInit
import Testing

@Suite("The guest init's executable")
struct ExecutableTests {
  private let image = GuestInitImage.bytes()

  private func number(at offset: Int, _ byteCount: Int) throws -> UInt64 {
    try #require(offset >= 0 && offset + byteCount <= image.count)
    return image[offset..<offset + byteCount].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// Offsets of the program headers (System V ABI, "Program Header").
  private func programHeaders() throws -> [Int] {
    let first = Int(try number(at: 0x20, 8))
    let stride = Int(try number(at: 0x36, 2))
    return (0..<Int(try number(at: 0x38, 2))).map { first + $0 * stride }
  }

  @Test func `it is a 64-bit x86 executable at fixed addresses, and small`() throws {
    let magic: [UInt8] = [0x7F, 0x45, 0x4C, 0x46]
    #expect(Array(image.prefix(4)) == magic)
    #expect(image[4] == 2, "64 bits")
    #expect(try number(at: 0x10, 2) == 2, "ET_EXEC")
    #expect(try number(at: 0x12, 2) == 62, "EM_X86_64")
    #expect(image.count < 40 << 10)
  }

  @Test func `it needs no loader and no library`() throws {
    let dynamic: UInt64 = 2
    let interpreter: UInt64 = 3
    for header in try programHeaders() {
      let type = try number(at: header, 4)
      #expect(type != dynamic && type != interpreter)
    }
  }

  @Test func `its entry is in a segment that can be executed and not written`() throws {
    let entry = try number(at: 0x18, 8)
    let load: UInt64 = 1
    var flags: UInt64?
    for header in try programHeaders() where try number(at: header, 4) == load {
      let start = try number(at: header + 0x10, 8)
      if entry >= start, entry < start + (try number(at: header + 0x20, 8)) {
        flags = try number(at: header + 4, 4)
      }
    }
    #expect(flags == 5, "read and execute")
  }

  @Test func `it has no symbol tables, so none that is undefined`() throws {
    let first = Int(try number(at: 0x28, 8))
    let stride = Int(try number(at: 0x3A, 2))
    let symbolTables: Set<UInt64> = [2, 11]
    for index in 0..<Int(try number(at: 0x3C, 2)) {
      #expect(!symbolTables.contains(try number(at: first + index * stride + 4, 4)))
    }
  }
}
