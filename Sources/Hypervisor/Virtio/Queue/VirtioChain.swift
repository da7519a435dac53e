import CLinux
import VextProtocol

/// A descriptor chain that a device thread works on: buffers to read from, then buffers to write to.
///
/// The bytes are in guest RAM, which the guest may change meanwhile: copy once, check the copy. Valid from
/// ``ServedVirtqueue/next()`` until the queue's next one.
@unsafe
public struct VirtioChain {
  /// The chain's head, its name in the used ring.
  public let head: UInt16
  /// Bytes that the device may read.
  public let readableByteCount: Int
  /// Bytes that the device may write.
  public let writableByteCount: Int
  /// Where the readable bytes are, for writev and the like.
  public let readable: UnsafeMutableBufferPointer<iovec>
  /// Where the writable bytes go, for readv and the like.
  public let writable: UnsafeMutableBufferPointer<iovec>

  init(head: UInt16, chain: DescriptorChain, vectors: UnsafeMutablePointer<iovec>) {
    unsafe self.head = head
    unsafe readableByteCount = Int(clamping: chain.readableByteCount)
    unsafe writableByteCount = Int(clamping: chain.writableByteCount)
    unsafe readable = .init(start: vectors, count: chain.readableVectorCount)
    unsafe writable = .init(start: vectors + chain.readableVectorCount, count: chain.writableVectorCount)
  }

  /// Copies at most `byteCount` readable bytes from `offset` on; fewer where the chain ends before.
  public func read(_ byteCount: Int, at offset: Int = 0) -> [UInt8] {
    let count = unsafe max(0, min(byteCount, readableByteCount - min(offset, readableByteCount)))
    return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      initialized = unsafe Self.transfer(readable, offset: offset, byteCount: count) { guest, done, part in
        // SAFETY: the vector was checked to be RAM; `done + part` is at most the buffer's capacity.
        unsafe (buffer.baseAddress! + done).update(
          from: guest.assumingMemoryBound(to: UInt8.self), count: part)
      }
    }
  }

  /// Copies `bytes` to the writable buffers from `offset` on, as many as fit.
  ///
  /// - Returns: how many did.
  @discardableResult
  public func write(_ bytes: borrowing [UInt8], at offset: Int = 0) -> Int {
    unsafe bytes.withUnsafeBytes { source in
      unsafe Self.transfer(writable, offset: offset, byteCount: source.count) { guest, done, part in
        // SAFETY: the vector was checked to be RAM; `done + part` is at most the source's count.
        unsafe guest.copyMemory(from: source.baseAddress! + done, byteCount: part)
      }
    }
  }

  /// Walks `byteCount` bytes of `vectors` from `offset` on, run by run: calls with the run, the bytes before it, its length.
  private static func transfer(
    _ vectors: UnsafeMutableBufferPointer<iovec>, offset: Int, byteCount: Int,
    _ copy: (UnsafeMutableRawPointer, Int, Int) -> Void
  ) -> Int {
    var skip = max(0, offset)
    var done = 0
    for index in vectors.indices where done < byteCount {
      let vector = unsafe vectors[index]
      let length = unsafe vector.iov_len
      guard skip < length, let base = unsafe vector.iov_base else {
        skip -= min(skip, length)
        continue
      }
      let part = min(length - skip, byteCount - done)
      unsafe copy(base + skip, done, part)
      done += part
      skip = 0
    }
    return done
  }
}
