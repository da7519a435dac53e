extension ELFKernel {
  private static let chunkByteCount = 1 << 20
  /// Longer than any version text.
  private static let overlap = 512
  private static let marker = "Linux version "

  /// Returns the text after "Linux version " in the kernel's banner, up to the end of the line; nil without a banner.
  static func findVersionText(in file: borrowing BootFile) throws(BootError) -> String? {
    var offset: UInt64 = 0
    while offset < file.byteCount {
      let chunk = try file.prefix(chunkByteCount + overlap, at: offset)
      if let text = versionText(in: chunk) { return text }
      offset += UInt64(chunkByteCount)
    }
    return nil
  }

  private static func versionText(in chunk: [UInt8]) -> String? {
    let pattern = Array(marker.utf8)
    var start = 0
    while let index = chunk[start...].firstIndex(of: pattern[0]) {
      start = index + 1
      guard chunk[index...].starts(with: pattern) else { continue }
      let text = chunk[(index + pattern.count)...].prefix { $0 >= 0x20 && $0 < 0x7F }
      // Other messages contain the format "Linux version %s", which is not the banner.
      if let first = text.first, (0x30...0x39).contains(first) {
        return String(decoding: text, as: UTF8.self)
      }
    }
    return nil
  }
}
