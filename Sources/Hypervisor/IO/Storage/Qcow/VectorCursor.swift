/// Goes through the memory of a request once. The request's vectors must outlive it.
struct VectorCursor {
  private let vectors: IOVectors
  private var index = 0
  /// The rest of vector ``index``.
  private var rest = IOVector()

  init(_ vectors: IOVectors) {
    self.vectors = vectors
    if vectors.count > 0 { rest = vectors[0] }
  }

  /// Copies `range` of `buffer` to the memory.
  mutating func copyOut(_ buffer: HostBuffer, _ range: Range<Int>) {
    advance(buffer.vector(range)) { memory, part in part.copy(to: memory) }
  }

  /// Copies the memory to `range` of `buffer`.
  mutating func copyIn(_ buffer: HostBuffer, _ range: Range<Int>) {
    advance(buffer.vector(range)) { memory, part in memory.copy(to: part) }
  }

  /// Calls `copy` with runs of one length, until the memory or `buffer` ends.
  private mutating func advance(_ buffer: IOVector, _ copy: (_ memory: IOVector, _ part: IOVector) -> Void) {
    var buffer = buffer
    while buffer.byteCount > 0, index < vectors.count {
      let count = min(rest.byteCount, buffer.byteCount)
      copy(rest.part(from: 0, byteCount: count), buffer.part(from: 0, byteCount: count))
      buffer.removeFirst(count)
      rest.removeFirst(count)
      if rest.byteCount == 0 {
        index += 1
        if index < vectors.count { rest = vectors[index] }
      }
    }
  }
}
