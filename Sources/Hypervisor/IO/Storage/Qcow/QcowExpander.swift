import Synchronization
import SystemPackage

/// How the clusters of an image are compressed.
enum QcowCompression: Equatable, Sendable {
  case zlib
  case zstd

  fileprivate var format: CompressionLibrary.Format {
    switch self {
    case .zlib: .deflate
    case .zstd: .zstd
    }
  }
}

/// Decompresses clusters of one image, and keeps those that it had last. Any thread.
// The functions of the library are safe on any thread; the buffers that are kept are not changed any more.
final class QcowExpander: @unchecked Sendable {
  /// The contents of a compressed cluster. No compressed cluster is ever written, so that they stay right.
  private struct Kept {
    var offset: UInt64
    var content: HostBuffer
  }

  private static let keptCount = 8

  private let library: CompressionLibrary
  private let clusterByteCount: Int
  private let kept = Mutex<[Kept]>([])

  /// Loads the library of the image's compression: when the first compressed cluster is read, the sandbox forbids it.
  init(_ header: QcowHeader) throws(QcowError) {
    do throws(CompressionLibrary.Missing) {
      library = try CompressionLibrary(header.compression.format)
    } catch {
      throw .unsupported("an image with compressed clusters without \(error.name)")
    }
    clusterByteCount = Int(header.clusterByteCount)
  }

  /// The contents of the cluster whose `byteCount` compressed bytes are at `offset`. Nobody may change them.
  func cluster(at offset: UInt64, byteCount: Int, in file: any QcowFile) throws(QcowError) -> HostBuffer {
    if let content = kept.withLock({ $0.first { $0.offset == offset }?.content }) { return content }
    let input = HostBuffer(byteCount: byteCount)
    try qcowCall { () throws(Errno) in try file.read(input, input.all, at: offset) }
    let content = HostBuffer(byteCount: clusterByteCount)
    let isWhole = input.withBytes(input.all) { input in
      content.withMutableBytes(content.all) { library.fill(&$0, from: input) }
    }
    guard isWhole else { throw .unreadable("a compressed cluster cannot be decompressed") }
    kept.withLock { kept in
      if kept.count >= Self.keptCount { kept.removeFirst() }
      kept.append(Kept(offset: offset, content: content))
    }
    return content
  }
}
