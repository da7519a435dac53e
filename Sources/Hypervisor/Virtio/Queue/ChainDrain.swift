/// Reads the readable bytes of a queue's chains in pieces, across passes of its device thread. One thread at a time.
///
/// Each chain is completed when it was read to its end. A pass is bounded by bytes, not only by chains, because a chain
/// may name the same memory a thousand times.
@safe
final class ChainDrain: @unchecked Sendable {
  /// The result of consuming a piece.
  enum Consumption {
    /// Number of bytes taken. If fewer than all, the receiver kicks the queue when there is room.
    case took(Int)
    /// The rest of the chain is not wanted.
    case skipsChain
  }

  static let pieceByteCount = 4096
  private static let byteLimitPerPass = 1 << 16
  private static let chainLimitPerPass = 64

  private var chain: VirtioChain?
  private var offset = 0

  /// Serves `queue`, always the same one.
  func serve(_ queue: ServedVirtqueue, _ consume: ([UInt8]) -> Consumption) {
    var byteCount = 0
    for _ in 0..<Self.chainLimitPerPass {
      if unsafe chain == nil {
        unsafe chain = queue.next()
        offset = 0
      }
      guard let current = unsafe chain else { return }
      while unsafe offset < current.readableByteCount {
        guard byteCount < Self.byteLimitPerPass else { return queue.notifyAgain() }
        let piece = unsafe current.read(Self.pieceByteCount, at: offset)
        guard case .took(let count) = consume(piece) else { break }
        offset += count
        byteCount += count
        if count < piece.count { return }
      }
      unsafe queue.complete(current)
      unsafe chain = nil
    }
    queue.notifyAgain()
  }
}
