/// Reads the readable bytes of a queue's chains in pieces, across passes of its device thread. One thread at a time.
///
/// Each chain is completed when it was read to its end. A pass is bounded by bytes, not only by chains, because a chain
/// may name the same memory a thousand times.
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
      if chain == nil {
        chain = queue.next()
        offset = 0
      }
      guard let current = chain else { return }
      while offset < current.readableByteCount {
        guard byteCount < Self.byteLimitPerPass else { return queue.notifyAgain() }
        let piece = current.read(Self.pieceByteCount, at: offset)
        guard case .took(let count) = consume(piece) else { break }
        offset += count
        byteCount += count
        if count < piece.count { return }
      }
      queue.complete(current)
      chain = nil
    }
    queue.notifyAgain()
  }
}
