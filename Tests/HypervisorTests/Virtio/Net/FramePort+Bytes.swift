import CLinux
import Glibc
import HostSystem
import Hypervisor

/// Frames as arrays.
extension FramePort {
  /// Sends a frame; what ``FramePort/write(_:)`` returns.
  @discardableResult
  func send(_ bytes: [UInt8]) -> Int {
    var bytes = bytes
    return unsafe bytes.withUnsafeMutableBytes { buffer in
      var vector = unsafe iovec(iov_base: buffer.baseAddress, iov_len: buffer.count)
      // SAFETY: one vector, over bytes that live during the call.
      return unsafe withUnsafeMutablePointer(to: &vector) {
        unsafe write(IOVectors($0, count: 1))
      }
    }
  }

  /// The next frame; nil where none comes within `milliseconds`.
  func receive(milliseconds: Int = 10_000) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: 70_000)
    for _ in 0...milliseconds {
      let count = unsafe bytes.withUnsafeMutableBytes { buffer in
        var vector = unsafe iovec(iov_base: buffer.baseAddress, iov_len: buffer.count)
        // SAFETY: one vector, over bytes that live during the call.
        return unsafe withUnsafeMutablePointer(to: &vector) {
          unsafe read(into: IOVectors($0, count: 1))
        }
      }
      if count > 0 { return Array(bytes[..<min(count, bytes.count)]) }
      HostClock.sleep(nanoseconds: 1_000_000)
    }
    return nil
  }
}
