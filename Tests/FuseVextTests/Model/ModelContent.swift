/// What a file holds, without the parts that were never written.
struct ModelContent {
  static let chunkByteCount = 4096

  private(set) var byteCount = 0
  /// Whole chunks by their index; one that is absent is zeros.
  private(set) var chunks: [Int: [UInt8]] = [:]

  static func chunks(of range: Range<Int>) -> Range<Int> {
    range.lowerBound / chunkByteCount..<(range.upperBound + chunkByteCount - 1) / chunkByteCount
  }

  mutating func write(_ bytes: [UInt8], at offset: Int) {
    replace(offset..<offset + bytes.count) { bytes[$0 - offset..<$1 - offset] }
    byteCount = max(byteCount, offset + bytes.count)
  }

  /// Makes the part of a range that lies inside of the file zeros.
  mutating func zero(_ range: Range<Int>) {
    let range = range.clamped(to: 0..<byteCount)
    for index in Self.chunks(of: range) where chunks[index] != nil {
      let whole = index * Self.chunkByteCount..<(index + 1) * Self.chunkByteCount
      if range.clamped(to: whole) == whole {
        chunks[index] = nil
      } else {
        for byte in range.clamped(to: whole) { chunks[index]?[byte - whole.lowerBound] = 0 }
      }
    }
  }

  mutating func setByteCount(_ count: Int) {
    if count < byteCount {
      zero(count..<byteCount)
      let end = Self.chunks(of: 0..<count).upperBound
      if byteCount - count > Self.chunkByteCount { chunks = chunks.filter { $0.key < end } }
    }
    byteCount = count
  }

  /// The bytes of a range, up to the end of the file.
  func bytes(_ range: Range<Int>) -> [UInt8] {
    let range = range.clamped(to: 0..<byteCount)
    var result = [UInt8](repeating: 0, count: range.count)
    for index in Self.chunks(of: range) {
      guard let chunk = chunks[index] else { continue }
      let whole = index * Self.chunkByteCount..<(index + 1) * Self.chunkByteCount
      let part = range.clamped(to: whole)
      result.replaceSubrange(
        part.lowerBound - range.lowerBound..<part.upperBound - range.lowerBound,
        with: chunk[part.lowerBound - whole.lowerBound..<part.upperBound - whole.lowerBound])
    }
    return result
  }

  private mutating func replace(_ range: Range<Int>, _ source: (Int, Int) -> ArraySlice<UInt8>) {
    for index in Self.chunks(of: range) {
      let whole = index * Self.chunkByteCount..<(index + 1) * Self.chunkByteCount
      let part = range.clamped(to: whole)
      if chunks[index] == nil { chunks[index] = [UInt8](repeating: 0, count: Self.chunkByteCount) }
      chunks[index]?.replaceSubrange(
        part.lowerBound - whole.lowerBound..<part.upperBound - whole.lowerBound,
        with: source(part.lowerBound, part.upperBound))
    }
  }
}
