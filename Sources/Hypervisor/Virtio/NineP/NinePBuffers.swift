import CLinux

/// Memory in pieces, in order: one request, or the room for its answer. It may be guest RAM, which changes meanwhile.
@unsafe
struct NinePBuffers {
  private let vectors: UnsafeBufferPointer<iovec>
  /// Bytes of all pieces.
  let byteCount: Int

  init(_ vectors: UnsafeBufferPointer<iovec>) {
    unsafe self.vectors = unsafe vectors
    var total = 0
    for index in vectors.indices {
      // Pieces are at most 4 GiB each, and a chain has a thousand of them.
      total &+= unsafe vectors[index].iov_len
    }
    unsafe byteCount = total
  }

  /// Copies bytes from `offset` on out, at most `limit`.
  ///
  /// - Returns: how many.
  func copyOut(to target: UnsafeMutableRawPointer, offset: Int, limit: Int) -> Int {
    unsafe vectors.forEachRun(from: offset, byteCount: limit) { piece, done, count in
      // SAFETY: the target has room for `limit` bytes.
      unsafe (target + done).copyMemory(from: piece, byteCount: count)
    }
  }

  /// Copies `count` bytes in at the start; the room has been checked.
  func copyIn(from source: UnsafeRawPointer, count: Int) {
    _ = unsafe vectors.forEachRun(from: 0, byteCount: count) { piece, done, count in
      // SAFETY: the source has `count` bytes.
      unsafe piece.copyMemory(from: source + done, byteCount: count)
    }
  }

  /// Fills `target` with the pieces of `limit` bytes, or fewer, from `offset` on.
  ///
  /// - Returns: how many pieces, and how many bytes they have.
  func slice(
    offset: Int, limit: Int, into target: UnsafeMutableBufferPointer<iovec>
  ) -> (count: Int, byteCount: Int) {
    var count = 0
    var byteCount = 0
    _ = unsafe vectors.forEachRun(from: offset, byteCount: limit) { piece, _, pieceByteCount in
      guard count < target.count else { return }
      unsafe target[count] = unsafe iovec(iov_base: piece, iov_len: pieceByteCount)
      count += 1
      byteCount += pieceByteCount
    }
    return (count, byteCount)
  }
}
