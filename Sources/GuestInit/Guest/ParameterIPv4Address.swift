/// An address of IPv4; the first byte of its text is the highest of its bits.
struct ParameterIPv4Address {
  let bits: UInt32

  init(bits: UInt32) { self.bits = bits }

  /// The mask whose first `prefixLength` bits, at most 32, are set.
  init(prefixLength: UInt32) {
    bits = prefixLength == 0 ? 0 : UInt32.max << (32 - prefixLength)
  }

  /// Reads four decimal numbers with dots between them, up to whatever follows; nil if they are not there.
  init?(_ text: Text) {
    var bits: UInt32 = 0
    var index = 0
    for part in 0..<4 {
      guard let number = text.number(from: index), number < 256 else { return nil }
      bits = bits << 8 | number
      while case UInt8(ascii: "0")...UInt8(ascii: "9") = text[index] { index += 1 }
      if part < 3 {
        guard text[index] == UInt8(ascii: ".") else { return nil }
        index += 1
      }
    }
    self.bits = bits
  }
}
