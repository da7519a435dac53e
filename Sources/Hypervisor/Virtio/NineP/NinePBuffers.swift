/// Memory in pieces, in order: one request, or the room for its answer. It may be guest RAM, which changes meanwhile.
struct NinePBuffers {
  private let vectors: IOVectors
  /// Bytes of all pieces.
  let byteCount: Int

  /// - Parameter vectors: pieces of at most 4 GiB, whose list and memory outlive this value.
  init(_ vectors: IOVectors) {
    self.vectors = vectors
    byteCount = vectors.byteCount
  }

  /// Copies bytes from `offset` on to `range` of `buffer`, as many as there are.
  ///
  /// - Returns: how many.
  func copyOut(from offset: Int, to buffer: HostBuffer, _ range: Range<Int>) -> Int {
    let target = buffer.vector(range)
    return vectors.forEachRun(from: offset, byteCount: range.count) { piece, done in
      piece.copy(to: target.part(from: done, byteCount: piece.byteCount))
    }
  }

  /// Copies `range` of `buffer` in at the start, as far as there is room.
  func copyIn(from buffer: HostBuffer, _ range: Range<Int>) {
    let source = buffer.vector(range)
    _ = vectors.forEachRun(from: 0, byteCount: range.count) { piece, done in
      source.part(from: done, byteCount: piece.byteCount).copy(to: piece)
    }
  }

  /// Puts the pieces of `limit` bytes, or fewer, from `offset` on into `table`.
  ///
  /// - Returns: those pieces of the table.
  func slice(offset: Int, limit: Int, into table: borrowing FixedTable<IOVector>) -> IOVectors {
    var count = 0
    _ = vectors.forEachRun(from: offset, byteCount: limit) { piece, _ in
      guard count < table.count else { return }
      table[count] = piece
      count += 1
    }
    return table.vectors(from: 0, count: count)
  }
}
