import Foundation

/// A folder of a test's own; it goes with its last user.
final class ScratchFolder: Sendable {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "vext-t3-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// The path of a file in it.
  func file(_ name: String) -> String { "\(path)/\(name)" }

  /// Makes a file of `mebibytes` MiB: a pattern in which no two sectors are equal, or zeroes.
  func image(_ name: String, mebibytes: Int, zeroes: Bool = false) throws -> String {
    let byteCount = mebibytes << 20
    var data = Data(count: byteCount)
    if !zeroes {
      var word: UInt64 = 0x9E37_79B9_7F4A_7C15
      var words = [UInt64](repeating: 0, count: byteCount / 8)
      for index in words.indices {
        word = word &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        words[index] = word
      }
      data = unsafe words.withUnsafeBytes { unsafe Data($0) }
    }
    try data.write(to: URL(filePath: file(name)))
    return file(name)
  }

  /// The bytes of a file, or some of them.
  func bytes(_ name: String, from offset: Int = 0, count: Int? = nil) throws -> Data {
    let data = try Data(contentsOf: URL(filePath: file(name)))
    return data.subdata(in: offset..<(count.map { offset + $0 } ?? data.count))
  }
}
