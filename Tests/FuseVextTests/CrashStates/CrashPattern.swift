/// The data that workloads write: no two writes have a sector in common, and a block that holds some is recognized.
enum CrashPattern {
  private static let magic: [UInt8] = [0xD7, 0xC5, 0xF1, 0xE9]

  /// The bytes of a write; `stamp` is the write's own.
  static func bytes(stamp: UInt32, offset: Int, count: Int) -> [UInt8] {
    (offset..<offset + count).map { byte(stamp: stamp, position: $0) }
  }

  private static func byte(stamp: UInt32, position: Int) -> UInt8 {
    switch position & 15 {
    case 0...3: magic[position & 3]
    case 4...7: UInt8(truncatingIfNeeded: stamp >> UInt32(8 * (position & 3)))
    case 8...11: UInt8(truncatingIfNeeded: (position >> 4) >> (8 * (position & 3)))
    default: UInt8(truncatingIfNeeded: stamp &* 167 &+ UInt32(truncatingIfNeeded: position)) | 1
    }
  }

  /// Whether bytes that begin at a multiple of 16 hold data of a workload.
  static func isIn(_ bytes: ArraySlice<UInt8>) -> Bool {
    var index = bytes.startIndex
    while index + 16 <= bytes.endIndex {
      if bytes[index] == magic[0], bytes[index + 1] == magic[1], bytes[index + 2] == magic[2],
        bytes[index + 3] == magic[3]
      {
        return true
      }
      index += 16
    }
    return false
  }
}
