/// An input: the bytes that a target takes one decision after the other from.
///
/// Where the bytes are used up every decision is the first of its choices, a change never happens, and
/// ``isExhausted`` tells the target to come to an end.
struct FuzzInput {
  private let bytes: [UInt8]
  private var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var isExhausted: Bool { position >= bytes.count }

  mutating func byte() -> UInt8 {
    guard position < bytes.count else { return 0 }
    defer { position += 1 }
    return bytes[position]
  }

  /// `count` bytes as a number, the first one lowest.
  private mutating func number(byteCount count: Int) -> UInt64 {
    (0..<count).reduce(0) { $0 | UInt64(byte()) << UInt64($1 * 8) }
  }

  /// Any number.
  mutating func word() -> UInt64 { number(byteCount: 8) }

  /// A number less than `bound`.
  mutating func below(_ bound: Int) -> Int {
    precondition(bound > 0)
    let byteCount = bound <= 1 << 8 ? 1 : bound <= 1 << 16 ? 2 : 4
    return Int(number(byteCount: byteCount) % UInt64(bound))
  }

  /// True one time in `count`.
  mutating func happens(oneIn count: Int) -> Bool { below(count) == count - 1 }

  /// One of `choices`.
  mutating func pick<Choice>(_ choices: [Choice]) -> Choice { choices[below(choices.count)] }

  /// `count` bytes.
  mutating func take(_ count: Int) -> [UInt8] { (0..<count).map { _ in byte() } }

  /// A number of the kind that checks of bounds get wrong: about a power of two, about zero from either side, or any.
  mutating func interesting<Value: FixedWidthInteger & UnsignedInteger>(_ type: Value.Type = Value.self)
    -> Value
  {
    let offset = Value(truncatingIfNeeded: below(5)) &- 2
    switch below(4) {
    case 0: return offset
    case 1: return (1 << Value(below(Value.bitWidth))) &+ offset
    case 2: return Value(truncatingIfNeeded: below(256))
    default: return Value(truncatingIfNeeded: word())
    }
  }

  /// `value`, but one time in `count` something else: a neighbour, another bit, or a number of no relation.
  mutating func changed<Value: FixedWidthInteger & UnsignedInteger>(_ value: Value, oneIn count: Int) -> Value
  {
    guard happens(oneIn: count) else { return value }
    switch below(4) {
    case 0: return value &+ Value(truncatingIfNeeded: below(17)) &- 8
    case 1: return value ^ (1 << Value(below(Value.bitWidth)))
    default: return interesting()
    }
  }
}
