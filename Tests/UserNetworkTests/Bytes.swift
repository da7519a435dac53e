import Hypervisor

/// Numbers as the Internet protocols have them.
enum Bytes {
  static func big(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 0xFF)] }

  static func big(_ value: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - $0 * 8)) }
  }

  /// The ones' complement of the sum of the words.
  static func checksum(_ bytes: [UInt8]) -> [UInt8] {
    var sum: UInt32 = 0
    for (index, byte) in bytes.enumerated() { sum += UInt32(byte) << (index.isMultiple(of: 2) ? 8 : 0) }
    while sum > 0xFFFF { sum = sum >> 16 + sum & 0xFFFF }
    return big(~UInt16(sum))
  }

  /// A UDP datagram without a checksum.
  static func udp(from source: UInt16, to destination: UInt16, _ payload: [UInt8]) -> [UInt8] {
    big(source) + big(destination) + big(UInt16(8 + payload.count)) + [0, 0] + payload
  }
}
