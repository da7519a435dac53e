import CLinux

/// Memory in pieces, in order, as the system calls for scattered data take it.
extension UnsafeBufferPointer where Element == iovec {
  /// Calls for each run of the `byteCount` bytes from `offset` on, or of fewer where the pieces end before, with the bytes
  /// before it and its length.
  ///
  /// - Returns: the bytes of all runs.
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
      // SAFETY: `skip + count` is at most the piece's length, for which whoever made the piece vouches.
      unsafe body(base + skip, done, count)
      done += count
      skip = 0
    }
    return done
  }
}
