import Glibc
import HostSystem
import Logging
import Synchronization
import SystemPackage

/// A disk that is an image of the qcow family, with the threads that carry out its requests for every engine.
final class QcowDisk: Sendable {
  private static let threadCount = 4
  /// Number of bytes that move at once. A request of more bytes is carried out in parts.
  private static let partByteCount = 1 << 20
  /// Number of bytes that are zeroed while other requests wait.
  private static let rangeByteCount: UInt64 = 64 << 20

  let image: QcowImage
  private let path: String
  private let blockingThreads: BlockingThreads
  /// Memory that no request uses now.
  private let buffers = Mutex<[HostBuffer]>([])

  /// Starts the threads.
  init(_ image: QcowImage, path: String) throws(Errno) {
    self.image = image
    self.path = path
    blockingThreads = try BlockingThreads(name: "io-qcow", threadCount: Self.threadCount, capacity: 256)
  }

  /// Writes the tables that nobody flushed. Call it when all requests have ended.
  func finish() {
    do throws(QcowError) { try image.close() } catch {
      Logger(label: "disk").error("disk \(path): written data may be lost: \(error)")
    }
  }

  /// Tells that an image is damaged.
  static func warn(_ path: String, _ error: QcowError) {
    Logger(label: "disk").warning("disk \(path): \(error); requests fail; check it with 'qemu-img check'")
  }

  /// Carries a request out on a thread of the disk's.
  func start(_ request: BlockingThreads.Request) { blockingThreads.start(request) }

  /// Carries a request out on the calling thread.
  ///
  /// - Returns: number of bytes moved or of the range, or -errno.
  func perform(
    _ operation: BlockOperation, vectors: IOVectors, offset: UInt64, byteCount: UInt64
  ) -> Int64 {
    do throws(QcowError) {
      switch operation {
      case .read, .write, .durableWrite:
        var memory = VectorCursor(vectors)
        try move(operation, &memory, at: offset, byteCount: byteCount)
        if operation == .durableWrite { try image.flush() }
      case .flush: try image.flush()
      case .discard, .writeZeroes: try zero(at: offset, byteCount: byteCount)
      }
      return Int64(clamping: byteCount)
    } catch {
      return -Int64(error.errno.rawValue)
    }
  }

  private func move(
    _ operation: BlockOperation, _ memory: inout VectorCursor, at offset: UInt64, byteCount: UInt64
  ) throws(QcowError) {
    let buffer = takeBuffer()
    defer { buffers.withLock { $0.append(buffer) } }
    var moved: UInt64 = 0
    while moved < byteCount {
      let part = 0..<Int(min(byteCount - moved, UInt64(buffer.byteCount)))
      if operation == .read {
        try image.read(buffer, part, at: offset + moved)
        memory.copyOut(buffer, part)
      } else {
        memory.copyIn(buffer, part)
        try image.write(buffer, part, at: offset + moved)
      }
      moved += UInt64(part.count)
    }
  }

  private func zero(at offset: UInt64, byteCount: UInt64) throws(QcowError) {
    guard image.isWritable else { throw .failed(.badFileDescriptor) }
    var done: UInt64 = 0
    while done < byteCount {
      let count = min(byteCount - done, Self.rangeByteCount)
      try image.zero(at: offset + done, byteCount: count)
      done += count
    }
  }

  private func takeBuffer() -> HostBuffer {
    buffers.withLock { $0.popLast() } ?? HostBuffer(byteCount: Self.partByteCount)
  }
}
