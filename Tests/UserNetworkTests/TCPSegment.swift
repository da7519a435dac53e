import Hypervisor

/// A TCP segment without options.
struct TCPSegment: Equatable {
  static let (fin, syn, reset, push, acknowledge): (UInt8, UInt8, UInt8, UInt8, UInt8) = (1, 2, 4, 8, 16)

  var sourcePort: UInt16
  var destinationPort: UInt16
  var sequence: UInt32
  var acknowledgement: UInt32 = 0
  var flags: UInt8
  var data: [UInt8] = []

  /// The segment on its way between two addresses, with the checksum over both.
  func bytes(from source: IPv4Address, to destination: IPv4Address) -> [UInt8] {
    var bytes =
      Bytes.big(sourcePort) + Bytes.big(destinationPort) + Bytes.big(sequence) + Bytes.big(acknowledgement)
      + [0x50, flags, 0xFF, 0xFF, 0, 0, 0, 0] + data
    let pseudoHeader =
      source.bytes + destination.bytes + [0, FakeGuest.Number.tcp] + Bytes.big(UInt16(bytes.count))
    bytes.replaceSubrange(16..<18, with: Bytes.checksum(pseudoHeader + bytes))
    return bytes
  }

  /// Reads a segment, options left out; nil where there is none.
  init?(_ bytes: [UInt8]) {
    guard bytes.count >= 20, bytes.count >= Int(bytes[12] >> 4) * 4 else { return nil }
    func word(_ offset: Int) -> UInt32 { bytes[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) } }
    self.init(
      sourcePort: UInt16(word(0) >> 16), destinationPort: UInt16(word(0) & 0xFFFF), sequence: word(4),
      acknowledgement: word(8), flags: bytes[13], data: Array(bytes[(Int(bytes[12] >> 4) * 4)...]))
  }

  init(
    sourcePort: UInt16, destinationPort: UInt16, sequence: UInt32, acknowledgement: UInt32 = 0, flags: UInt8,
    data: [UInt8] = []
  ) {
    self.sourcePort = sourcePort
    self.destinationPort = destinationPort
    self.sequence = sequence
    self.acknowledgement = acknowledgement
    self.flags = flags
    self.data = data
  }
}
