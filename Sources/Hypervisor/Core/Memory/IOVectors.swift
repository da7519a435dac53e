import CLinux

/// Scattered memory in the form of the system calls for vectored I/O.
extension UnsafeBufferPointer where Element == iovec {
  /// Calls `body` for each run of the `byteCount` bytes from `offset` on, with the number of bytes before it and its
  /// length.
  ///
  /// Stops early if the pieces end.
  ///
  /// - Returns: the number of bytes of all runs.
  @inline(__always)
  func forEachRun(
    from offset: Int, byteCount: Int, _ body: (UnsafeMutableRawPointer, _ done: Int, _ count: Int) -> Void
  ) -> Int {
    var skip = Swift.max(0, offset)
    var done = 0
    for index in indices where done < byteCount {
      let vector = unsafe self[index]
      let length = unsafe vector.iov_len
      guard skip < length, let base = unsafe vector.iov_base else {
        skip -= Swift.min(skip, length)
        continue
      }
      let count = Swift.min(length - skip, byteCount - done)
      // SAFETY: `skip + count` is at most the piece's length, which the piece's maker guarantees to be mapped.
      unsafe body(base + skip, done, count)
      done += count
      skip = 0
    }
    return done
  }
}
