/// The buffers of a read, which the caller keeps in place until it has taken the result.
@safe
struct CallerBuffers {
  private var vectors: [UnsafeMutableRawBufferPointer] = unsafe []

  /// None.
  init() {}

  /// Those of `vectors`.
  @unsafe
  init(_ vectors: UnsafeBufferPointer<UnsafeMutableRawBufferPointer>) {
    unsafe self.vectors = unsafe Array(vectors)
  }

  /// Writes `source` to their concatenated bytes, from byte `offset` on.
  @unsafe
  func copyMemory(from source: UnsafeRawBufferPointer, at offset: Int) {
    // SAFETY: the caller of the initializer promised that the buffers exist.
    unsafe vectors.withUnsafeBufferPointer { unsafe ScatteredBytes.copy(from: source, to: $0, at: offset) }
  }
}

/// Copies between one buffer and a list of buffers.
enum ScatteredBytes {
  /// Fills `target` from the concatenated bytes of `vectors`, from byte `offset` on.
  static func copy(
    from vectors: UnsafeBufferPointer<UnsafeMutableRawBufferPointer>, at offset: Int,
    to target: UnsafeMutableRawBufferPointer
  ) {
    unsafe forEachPiece(vectors, offset, target.count) { piece, done in
      unsafe UnsafeMutableRawBufferPointer(rebasing: target[done..<done + piece.count])
        .copyMemory(from: UnsafeRawBufferPointer(piece))
    }
  }

  /// Writes `source` to the concatenated bytes of `vectors`, from byte `offset` on.
  static func copy(
    from source: UnsafeRawBufferPointer, to vectors: UnsafeBufferPointer<UnsafeMutableRawBufferPointer>,
    at offset: Int
  ) {
    unsafe forEachPiece(vectors, offset, source.count) { piece, done in
      unsafe piece.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[done..<done + piece.count]))
    }
  }

  private static func forEachPiece(
    _ vectors: UnsafeBufferPointer<UnsafeMutableRawBufferPointer>, _ offset: Int, _ byteCount: Int,
    _ body: (UnsafeMutableRawBufferPointer, Int) -> Void
  ) {
    var skipped = 0
    var done = 0
    for index in vectors.indices where done < byteCount {
      let vector = unsafe vectors[index]
      let start = max(offset - skipped, 0)
      skipped += vector.count
      guard start < vector.count else { continue }
      let count = min(vector.count - start, byteCount - done)
      unsafe body(UnsafeMutableRawBufferPointer(rebasing: vector[start..<start + count]), done)
      done += count
    }
  }
}
