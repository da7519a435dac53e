import Foundation
import Synchronization

/// Collects what arrives at a descriptor, on a thread of its own.
final class OutputRecorder: Sendable {
  private let data = Mutex(Data())
  private let hasEnded = Mutex(false)

  /// Starts to read `handle`, until its end.
  func record(_ handle: FileHandle) {
    Thread.detachNewThread { [self] in
      var buffer = [UInt8](repeating: 0, count: 1 << 16)
      while true {
        // A terminal whose last writer is gone answers EIO.
        let count = unsafe read(handle.fileDescriptor, &buffer, buffer.count)
        guard count > 0 else { break }
        data.withLock { $0.append(contentsOf: buffer[..<count]) }
      }
      hasEnded.withLock { $0 = true }
    }
  }

  /// All so far. The serial port's line ends are \r\n.
  var text: String {
    String(decoding: data.withLock { $0 }, as: UTF8.self).replacingOccurrences(of: "\r\n", with: "\n")
  }

  /// Waits until all writers have closed their end, but not for ever: a child may have inherited it.
  func waitForEnd() {
    for _ in 0..<50 where !hasEnded.withLock({ $0 }) { Thread.sleep(forTimeInterval: 0.02) }
  }
}
