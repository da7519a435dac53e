import SystemPackage

/// What a cluster that an image does not have reads as.
enum QcowBacking: Sendable {
  /// Zeroes.
  case none
  /// The bytes of a raw image.
  case raw(any QcowFile, byteCount: UInt64)
  /// The disk of another image, which is only read.
  case image(QcowImage)

  /// The size in bytes; what lies behind it reads as zero.
  var byteCount: UInt64 {
    switch self {
    case .none: 0
    case .raw(_, let byteCount): byteCount
    case .image(let image): image.byteCount
    }
  }

  /// Fills `range` of `buffer`.
  func read(_ buffer: HostBuffer, _ range: Range<Int>, at offset: UInt64) throws(QcowError) {
    let there = offset < byteCount ? Int(clamping: min(UInt64(range.count), byteCount - offset)) : 0
    let part = range.lowerBound..<range.lowerBound + there
    if there > 0 {
      switch self {
      case .none: break
      case .raw(let file, _): try qcowCall { () throws(Errno) in try file.read(buffer, part, at: offset) }
      case .image(let image):
        do throws(QcowError) { try image.read(buffer, part, at: offset) } catch {
          // The image above it is sound, and reports nothing.
          throw .failed(error.errno)
        }
      }
    }
    buffer.zero(part.upperBound..<range.upperBound)
  }
}
