import VextProtocol

/// A descriptor chain that a device thread works on: buffers to read from, then buffers to write to.
///
/// The bytes are in guest RAM, which the guest may change at the same time: copy once, check the copy. Valid from
/// ``ServedVirtqueue/next()`` until the queue's next one.
public struct VirtioChain {
  /// The chain's head, which names it in the used ring.
  public let head: UInt16
  /// Number of bytes that the device may read.
  public let readableByteCount: Int
  /// Number of bytes that the device may write.
  public let writableByteCount: Int
  private let buffers: VirtioChainBuffers
  private let readableCount: Int
  private let writableCount: Int

  init(head: UInt16, chain: DescriptorChain, buffers: VirtioChainBuffers) {
    self.head = head
    self.buffers = buffers
    readableByteCount = Int(clamping: chain.readableByteCount)
    writableByteCount = Int(clamping: chain.writableByteCount)
    readableCount = chain.readableVectorCount
    writableCount = chain.writableVectorCount
  }

  /// The readable buffers, for writev(2) and similar calls. The chain must outlive their use.
  public var readable: IOVectors { buffers.all.part(0..<readableCount) }

  /// The writable buffers, for readv(2) and similar calls. The chain must outlive their use.
  public var writable: IOVectors { buffers.all.part(readableCount..<readableCount + writableCount) }

  /// Copies at most `byteCount` readable bytes from `offset` on; fewer if the chain ends before.
  public func read(_ byteCount: Int, at offset: Int = 0) -> [UInt8] {
    let limit = max(0, min(byteCount, readableByteCount - min(offset, readableByteCount)))
    return readable.read(limit, at: offset)
  }

  /// Copies `bytes` to the writable buffers from `offset` on, as many as fit.
  ///
  /// - Returns: the number of copied bytes.
  @discardableResult
  public func write(_ bytes: borrowing [UInt8], at offset: Int = 0) -> Int {
    writable.write(bytes.span, at: offset)
  }
}

/// The buffers of the chain that a queue took last, and the memory that they lie in.
final class VirtioChainBuffers {
  private let table: FixedTable<IOVector>
  private let memory: GuestMemory

  /// - Parameter limit: maximum number of buffers.
  init(limit: Int, memory: GuestMemory) {
    do { table = try FixedTable(emptyVectors: limit) } catch {
      preconditionFailure("no memory for a queue's buffers: \(error)")
    }
    self.memory = memory
  }

  /// All vectors, of which the first are those of the chain.
  var all: IOVectors { table.vectors(from: 0, count: table.count) }
}
