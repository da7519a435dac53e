import VextProtocol

/// Integers of the service's messages, little-endian.
struct VextServiceWriter {
  private(set) var bytes: [UInt8] = []

  mutating func write<Value: FixedWidthInteger>(_ value: Value) {
    for shift in stride(from: 0, to: Value.bitWidth, by: 8) {
      bytes.append(UInt8(truncatingIfNeeded: value >> Value(shift)))
    }
  }

  mutating func write(_ more: some Sequence<UInt8>) { bytes += more }
}

/// Takes integers off a message that may be of any length.
struct VextServiceReader {
  private var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) { rest = bytes[...] }

  /// Bytes that were not taken yet.
  var remaining: ArraySlice<UInt8> { rest }

  mutating func read<Value: FixedWidthInteger>(_ type: Value.Type) throws(VextServiceViolation) -> Value {
    let count = Value.bitWidth / 8
    guard rest.count >= count else { throw .badLength }
    defer { rest = rest.dropFirst(count) }
    return rest.prefix(count).reversed().reduce(0) { $0 << 8 | Value(truncatingIfNeeded: $1) }
  }

  /// A reserved field.
  mutating func readZero<Value: FixedWidthInteger>(_ type: Value.Type) throws(VextServiceViolation) {
    guard try read(type) == 0 else { throw .reservedNotZero }
  }

  /// The end of the message.
  func finish() throws(VextServiceViolation) {
    guard rest.isEmpty else { throw .badLength }
  }
}

/// How a peer broke the rules of docs/vext-service.md: its connection ends.
enum VextServiceViolation: Error, Equatable, Sendable {
  /// A message is shorter or longer than its type.
  case badLength
  /// A reserved field is set.
  case reservedNotZero
  /// No such type of message.
  case badType(UInt16)
  /// A greeting without the magic number.
  case badMagic
  /// More or fewer descriptors than the message takes.
  case badDescriptorCount
  /// A message that is not allowed yet, or no more.
  case badOrder
  /// A name of a disk that no disk can have.
  case badName
  /// A queue's number that is too large.
  case badQueue(UInt32)
  /// More regions than memory has, or none.
  case badRegionCount(UInt32)
  /// A reply finds no room, because the peer does not read.
  case doesNotRead
  /// A reply that does not belong to the request.
  case badReply
}
