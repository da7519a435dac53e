import CLinux
import SystemPackage

/// Reads and writes of a descriptor whose memory is a span or an array, so that no call can leave its bounds.
// SAFETY: each call gets the address and the length of one span or buffer, which lives until the call returns.
package enum DescriptorBytes {
  /// Reads at most as many bytes as `target` has (read(2)); repeats a call that a signal interrupted.
  ///
  /// - Returns: the number of bytes; 0 at the end of the file.
  package static func read(_ descriptor: Int32, into target: inout MutableSpan<UInt8>) throws(Errno) -> Int {
    let result = unsafe target.withUnsafeMutableBufferPointer { buffer -> Int in
      guard let base = buffer.baseAddress else { return 0 }
      return unsafe linux_read(descriptor, base, buffer.count)
    }
    return try check(result)
  }

  /// Reads at most as many bytes as `target` has from `offset` on (pread(2)); repeats a call that a signal interrupted.
  ///
  /// - Returns: the number of bytes; 0 at the end of the file.
  package static func read(
    _ descriptor: Int32, into target: inout MutableSpan<UInt8>, at offset: Int64
  ) throws(Errno) -> Int {
    let result = unsafe target.withUnsafeMutableBufferPointer { buffer -> Int in
      guard let base = buffer.baseAddress else { return 0 }
      return unsafe linux_pread(descriptor, base, buffer.count, offset)
    }
    return try check(result)
  }

  /// Reads at most `limit` bytes (read(2)); empty at the end of the file.
  package static func read(_ descriptor: Int32, limit: Int) throws(Errno) -> [UInt8] {
    try unsafe bytes(limit: limit) { unsafe linux_read(descriptor, $0, $1) }
  }

  /// Reads at most `limit` bytes from `offset` on (pread(2)); empty at the end of the file.
  package static func read(_ descriptor: Int32, limit: Int, at offset: Int64) throws(Errno) -> [UInt8] {
    try unsafe bytes(limit: limit) { unsafe linux_pread(descriptor, $0, $1, offset) }
  }

  /// Writes `bytes`, or the first of them (write(2)); repeats a call that a signal interrupted.
  ///
  /// - Returns: the number of bytes that were written.
  package static func write(_ descriptor: Int32, _ bytes: Span<UInt8>) throws(Errno) -> Int {
    let result = unsafe bytes.withUnsafeBufferPointer { buffer -> Int in
      guard let base = buffer.baseAddress else { return 0 }
      return unsafe linux_write(descriptor, base, buffer.count)
    }
    return try check(result)
  }

  /// Writes `bytes`, or the first of them, without waiting for the other end. EAGAIN if it takes none now.
  ///
  /// - Returns: the number of bytes that were written.
  package static func writeIfReady(_ descriptor: Int32, _ bytes: Span<UInt8>) throws(Errno) -> Int {
    let result = unsafe bytes.withUnsafeBufferPointer { buffer in
      unsafe linux_write_if_ready(descriptor, buffer.baseAddress, buffer.count)
    }
    return try check(result)
  }

  /// At most `limit` bytes of the kernel's random numbers (getrandom(2)); none on a kernel without the call.
  package static func random(limit: Int) -> [UInt8] {
    // A failure is an empty source, which the caller passes on as such.
    (try? unsafe bytes(limit: limit) { unsafe linux_random($0, $1) }) ?? []
  }

  /// The bytes that `fill` writes to a buffer of `limit` bytes.
  ///
  /// - Parameter fill: a system call, which returns the number of bytes or -errno.
  @unsafe
  static func bytes(
    limit: Int, _ fill: (UnsafeMutablePointer<UInt8>, Int) -> Int
  ) throws(Errno) -> [UInt8] {
    guard limit > 0 else { return [] }
    var result = 0
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
      guard let base = buffer.baseAddress else { return }
      // SAFETY: the buffer has room for `limit` bytes, of which the kernel writes `result`.
      result = unsafe fill(base, limit)
      count = max(0, min(result, limit))
    }
    try check(result)
    return bytes
  }
}
