/// Reads and writes 32-bit numbers of control messages, little-endian.
enum WireNumber {
  static func bytes(_ number: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: number >> UInt32($0 * 8)) }
  }

  /// The number in the first four bytes; missing bytes count as zero.
  static func number(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.prefix(4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }
}
