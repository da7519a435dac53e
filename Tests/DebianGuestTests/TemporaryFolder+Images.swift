import Foundation
import HostSystem
// Visible in all files of these tests.
@_exported import TestFolders

extension TemporaryFolder {
  /// Makes a file of `mebibytes` MiB: a pattern in which no two sectors are equal, or zeroes.
  func image(_ name: String, mebibytes: Int, zeroes: Bool = false) throws -> String {
    let byteCount = mebibytes << 20
    var data = Data(count: byteCount)
    if !zeroes {
      var random = SplitMix64(seed: 1)
      let words = (0..<byteCount / 8).map { _ in random.next() }
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
