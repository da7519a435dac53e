import CLinux
import VextProtocol

/// A descriptor chain that a device thread works on: buffers to read from, then buffers to write to.
///
/// The bytes are in guest RAM, which the guest may change at the same time: copy once, check the copy. Valid from
/// ``ServedVirtqueue/next()`` until the queue's next one.
@unsafe
public struct VirtioChain {
  /// The chain's head, which names it in the used ring.
  public let head: UInt16
  /// Number of bytes that the device may read.
  public let readableByteCount: Int
  /// Number of bytes that the device may write.
  public let writableByteCount: Int
  /// The readable buffers, for writev(2) and similar calls.
  public let readable: UnsafeMutableBufferPointer<iovec>
  /// The writable buffers, for readv(2) and similar calls.
  public let writable: UnsafeMutableBufferPointer<iovec>

  init(head: UInt16, chain: DescriptorChain, vectors: UnsafeMutablePointer<iovec>) {
    unsafe self.head = head
    unsafe readableByteCount = Int(clamping: chain.readableByteCount)
    unsafe writableByteCount = Int(clamping: chain.writableByteCount)
    unsafe readable = .init(start: vectors, count: chain.readableVectorCount)
    unsafe writable = .init(start: vectors + chain.readableVectorCount, count: chain.writableVectorCount)
  }

  /// Copies at most `byteCount` readable bytes from `offset` on; fewer if the chain ends before.
  public func read(_ byteCount: Int, at offset: Int = 0) -> [UInt8] {
    let count = unsafe max(0, min(byteCount, readableByteCount - min(offset, readableByteCount)))
    return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      initialized = unsafe UnsafeBufferPointer(readable).forEachRun(from: offset, byteCount: count) {
        guest, done, part in
        // SAFETY: the vector was checked to be RAM; `done + part` is at most the buffer's capacity.
        unsafe (buffer.baseAddress! + done).update(
          from: guest.assumingMemoryBound(to: UInt8.self), count: part)
      }
    }
  }

  /// Copies `bytes` to the writable buffers from `offset` on, as many as fit.
  ///
  /// - Returns: the number of copied bytes.
  @discardableResult
  public func write(_ bytes: borrowing [UInt8], at offset: Int = 0) -> Int {
    unsafe bytes.withUnsafeBytes { source in
      unsafe UnsafeBufferPointer(writable).forEachRun(from: offset, byteCount: source.count) {
        guest, done, part in
        // SAFETY: the vector was checked to be RAM; `done + part` is at most the source's count.
        unsafe guest.copyMemory(from: source.baseAddress! + done, byteCount: part)
      }
    }
  }
}
