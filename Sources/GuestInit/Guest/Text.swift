import CGuest

/// Bytes with a NUL after them that live as long as the program: literals, what the kernel passed on the stack, and
/// memory of an ``InitArena``, which hands out no byte twice.
// SAFETY: every initializer's caller promises just that, so the bytes can be read at any time.
@safe
struct Text: ExpressibleByStringLiteral, @unchecked Sendable {
  let start: UnsafePointer<UInt8>
  /// How many bytes there are before the NUL.
  let count: Int

  @unsafe
  init(start: UnsafePointer<UInt8>, count: Int) {
    unsafe self.start = start
    self.count = count
  }

  /// The bytes at `start` up to the first NUL.
  @unsafe
  init(start: UnsafePointer<UInt8>) {
    var count = 0
    while unsafe start[count] != 0 { count += 1 }
    unsafe self.init(start: start, count: count)
  }

  /// A literal: the compiler puts a NUL after it.
  init(stringLiteral literal: StaticString) {
    unsafe self.init(start: literal.utf8Start, count: literal.utf8CodeUnitCount)
  }

  var isEmpty: Bool { count == 0 }

  /// The byte at `index`; 0 where there is none.
  subscript(_ index: Int) -> UInt8 {
    guard index >= 0, index < count else { return 0 }
    return unsafe start[index]
  }

  /// What system calls take.
  var address: UInt64 { unsafe UInt64(UInt(bitPattern: start)) }

  /// The text without its first `byteCount` bytes.
  func dropFirst(_ byteCount: Int) -> Text {
    let dropped = min(byteCount, count)
    return unsafe Text(start: start + dropped, count: count - dropped)
  }

  /// The text before the NUL at `index`, which may be the one behind the whole text.
  func upToNul(at index: Int) -> Text {
    let end = min(max(index, 0), count)
    return unsafe Text(start: start, count: end)
  }

  /// Writes `texts` to `file` in one system call (writev(2)).
  static func write(_ texts: InlineArray<6, Text>, to file: UInt64) {
    // SAFETY: texts live as long as the program, and the kernel keeps no address beyond the call.
    var segments = unsafe InlineArray<6, init_segment> { index in
      unsafe init_segment(base: UnsafeRawPointer(texts[index].start), byte_count: UInt64(texts[index].count))
    }
    unsafe Kernel.withAddress(of: &segments) { _ = Kernel.attempt(.writev, file, $0, 6) }
  }

  func starts(with prefix: Text) -> Bool {
    guard count >= prefix.count else { return false }
    for index in 0..<prefix.count where self[index] != prefix[index] { return false }
    return true
  }

  func ends(with suffix: Text) -> Bool { count >= suffix.count && dropFirst(count - suffix.count) == suffix }

  static func == (left: Text, right: Text) -> Bool { left.count == right.count && left.starts(with: right) }

  static func != (left: Text, right: Text) -> Bool { !(left == right) }

  /// The first index at or after `start` whose byte is `byte`.
  func index(of byte: UInt8, from start: Int = 0) -> Int? {
    var index = start
    while index < count {
      if self[index] == byte { return index }
      index += 1
    }
    return nil
  }

  /// The value of the hexadecimal digit at `index`, in either case; nil if there is none.
  func hexadecimalDigit(_ index: Int) -> UInt8? {
    switch self[index] {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): self[index] - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): self[index] - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): self[index] - UInt8(ascii: "A") + 10
    default: nil
    }
  }

  /// A decimal number from `first` up to the first byte that is not a digit; nil if there is none or it is too large.
  func number(from first: Int = 0) -> UInt32? {
    var value: UInt32 = 0
    var index = first
    while case UInt8(ascii: "0")...UInt8(ascii: "9") = self[index] {
      guard value < 100_000_000 else { return nil }
      value = value * 10 + UInt32(self[index] - UInt8(ascii: "0"))
      index += 1
    }
    return index > first ? value : nil
  }
}
