/// What the header extensions say (qcow2 specification, "Header extensions").
struct QcowHeaderExtensions {
  private static let end: UInt32 = 0
  private static let formatName: UInt32 = 0xE279_2ACA
  private static let featureNames: UInt32 = 0x6803_F857
  /// A type, a bit's number and a name of 46 bytes.
  private static let featureNameByteCount = 48

  /// The format of the backing file; nil if it is not stated.
  private(set) var backingFormat: String?
  /// Names of incompatible features by their bits, for messages.
  private(set) var incompatibleNames: [UInt8: String] = [:]

  /// Reads the extensions between `from` and `to`. Extensions of other types are for others.
  init(_ head: HostBuffer, from: Int, to: Int) {
    var position = from
    while position + 8 <= to {
      let type = head.load(UInt32.self, at: position)
      let byteCount = Int(head.load(UInt32.self, at: position + 4))
      position += 8
      guard type != Self.end, byteCount <= to - position else { return }
      switch type {
      case Self.formatName: backingFormat = Self.text(head.bytes(position..<position + byteCount))
      case Self.featureNames: readNames(head, position..<position + byteCount)
      default: break
      }
      position += (byteCount + 7) & ~7
    }
  }

  private mutating func readNames(_ head: HostBuffer, _ range: Range<Int>) {
    var position = range.lowerBound
    while position + Self.featureNameByteCount <= range.upperBound {
      if head.load(UInt8.self, at: position) == 0 {
        let name = head.bytes(position + 2..<position + Self.featureNameByteCount)
        incompatibleNames[head.load(UInt8.self, at: position + 1)] = Self.text(name)
      }
      position += Self.featureNameByteCount
    }
  }

  /// The printable text up to a zero byte.
  private static func text(_ bytes: [UInt8]) -> String {
    String(
      decoding: bytes.prefix { $0 != 0 }.map { (0x20..<0x7F).contains($0) ? $0 : UInt8(ascii: "?") },
      as: UTF8.self)
  }
}
