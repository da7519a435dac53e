import Testing

/// Takes the body of an answer apart. A field beyond the end is a failure of the test.
struct NinePAnswer {
  private var rest: ArraySlice<UInt8>

  init(_ bytes: some Collection<UInt8>) { rest = ArraySlice(bytes) }

  var isEmpty: Bool { rest.isEmpty }

  mutating func bytes(_ count: Int) -> [UInt8] {
    #expect(rest.count >= count, "the answer is too short")
    defer { rest = rest.dropFirst(count) }
    return Array(rest.prefix(count))
  }

  mutating func u8() -> UInt8 { UInt8(number(1)) }
  mutating func u16() -> UInt16 { UInt16(number(2)) }
  mutating func u32() -> UInt32 { UInt32(number(4)) }
  mutating func u64() -> UInt64 { number(8) }
  mutating func string() -> String { String(decoding: bytes(Int(u16())), as: UTF8.self) }
  mutating func qid() -> Qid { Qid(kind: u8(), version: u32(), path: u64()) }

  private mutating func number(_ count: Int) -> UInt64 {
    bytes(count).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  struct Qid: Equatable {
    var kind: UInt8
    var version: UInt32
    var path: UInt64
  }
}

/// Rlerror: the error number of Linux.
struct NinePRefusal: Error, Equatable, CustomStringConvertible {
  let number: Int32

  init(_ number: Int32) { self.number = number }

  var description: String { "Rlerror \(number)" }
}
