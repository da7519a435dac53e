import HostSystem

/// A pattern of bytes that depend on their position on the disk: little-endian 64-bit words, each a hash of the seed and
/// the position.
struct Pattern: Sendable {
  let seed: UInt64

  /// The word at `offset`, a multiple of 8 bytes (the SplitMix64 sequence, by index).
  func word(at offset: UInt64) -> UInt64 { SplitMix64.number(at: offset / 8, seed: seed) }

  /// Fills `bytes`, which are to be written to the disk at `offset`.
  func fill(_ bytes: UnsafeMutableRawBufferPointer, offset: UInt64) {
    for index in stride(from: 0, to: bytes.count, by: 8) {
      unsafe bytes.storeBytes(
        of: word(at: offset + UInt64(index)).littleEndian, toByteOffset: index, as: UInt64.self)
    }
  }

  /// The position on the disk of the first wrong word; nil if all words are right.
  func mismatch(in bytes: UnsafeRawBufferPointer, offset: UInt64) -> UInt64? {
    for index in stride(from: 0, to: bytes.count, by: 8) {
      let word = unsafe UInt64(littleEndian: bytes.load(fromByteOffset: index, as: UInt64.self))
      if word != self.word(at: offset + UInt64(index)) { return offset + UInt64(index) }
    }
    return nil
  }
}

/// A sum over words that depends on their positions, but not on the order of addition.
enum Checksum {
  /// The part of `bytes`, which are the disk's at `offset`.
  static func part(_ bytes: UnsafeRawBufferPointer, offset: UInt64) -> UInt64 {
    let places = Pattern(seed: 0)
    var sum: UInt64 = 0
    for index in stride(from: 0, to: bytes.count, by: 8) {
      let word = unsafe UInt64(littleEndian: bytes.load(fromByteOffset: index, as: UInt64.self))
      sum &+= word &* (places.word(at: offset + UInt64(index)) | 1)
    }
    return sum
  }
}
