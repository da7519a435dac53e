import Glibc
import SystemPackage

@testable import FuseVext

/// A file's bytes as a whole, for tests that compare or change images.
enum ImageBytes {
  /// All bytes, or `count` from an offset on.
  static func read(_ path: String, offset: Int = 0, count: Int? = nil) throws -> [UInt8] {
    let file = unsafe try FileDescriptor.open(path, .readOnly)
    defer { close(file.rawValue) }
    let count = try count ?? Int(file.seek(offset: 0, from: .end))
    var bytes = [UInt8](repeating: 0, count: count)
    var done = 0
    while done < count {
      let more = try unsafe bytes.withUnsafeMutableBytes {
        try unsafe file.read(
          fromAbsoluteOffset: Int64(offset + done), into: UnsafeMutableRawBufferPointer(rebasing: $0[done...])
        )
      }
      guard more > 0 else { break }
      done += more
    }
    return bytes
  }

  static func write(_ bytes: [UInt8], to path: String, at offset: Int = 0) throws {
    let file = unsafe try FileDescriptor.open(path, .writeOnly)
    defer { close(file.rawValue) }
    try file.seek(offset: Int64(offset), from: .start)
    try file.writeAll(bytes)
  }

  /// The numbers of the blocks in which two images of one length differ.
  static func differences(_ first: [UInt8], _ second: [UInt8], blockByteCount: Int) -> [UInt64] {
    var blocks: [UInt64] = []
    let count = min(first.count, second.count) / blockByteCount
    unsafe first.withUnsafeBytes { first in
      unsafe second.withUnsafeBytes { second in
        guard let ours = first.baseAddress, let theirs = second.baseAddress else { return }
        for block in 0..<count {
          let offset = block * blockByteCount
          if unsafe memcmp(ours + offset, theirs + offset, blockByteCount) != 0 {
            blocks.append(UInt64(block))
          }
        }
      }
    }
    return blocks
  }
}
