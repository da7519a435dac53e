import SystemPackage
import VextClient

/// One queue's share of a transfer: every nth block. One thread.
@safe
final class TransferWorker {
  // SAFETY: each slot's bytes belong to a buffer of the pool that lives until the worker has waited for the slot's request.
  /// A buffer and the request on it.
  @unsafe
  private struct Slot {
    let bytes: UnsafeMutableRawBufferPointer
    var request: VextRequestID?
    var offset: UInt64 = 0
    var byteCount = 0
  }

  private let transfer: Transfer
  private let index: Int
  private let device: VextBlockDevice
  private let queue: VextClientQueue
  private var slots: [Slot]
  /// The result so far; the checksum is that of the last pass.
  private(set) var outcome = TransferRun.Outcome()

  init(_ transfer: Transfer, index: Int, device: VextBlockDevice) throws(VextIOFailure) {
    self.transfer = transfer
    self.index = index
    self.device = device
    unsafe slots = unsafe []
    do throws(Errno) {
      queue = try device.makeQueue(depth: max(transfer.depth, 2))
    } catch {
      throw .request("queue", error)
    }
    for _ in 0..<transfer.depth {
      do throws(Errno) {
        let bytes =
          unsafe transfer.isCopied
          ? UnsafeMutableRawBufferPointer.allocate(byteCount: transfer.blockByteCount, alignment: 64)
          : try device.pool.allocateBytes(byteCount: transfer.blockByteCount)
        unsafe slots.append(Slot(bytes: bytes))
      } catch {
        throw .request("buffers of \(transfer.depth) x \(transfer.blockByteCount) bytes (--pool)", error)
      }
    }
  }

  deinit {
    // The results of requests in flight do not matter, because the transfer has failed.
    do { try queue.waitForAll() } catch {}
    for index in unsafe slots.indices {
      let bytes = unsafe slots[index].bytes
      if transfer.isCopied { unsafe bytes.deallocate() } else { unsafe device.pool.deallocate(bytes) }
    }
  }

  /// Transfers every block once.
  func pass() throws(VextIOFailure) {
    outcome.checksum = 0
    var turn = 0
    for block in stride(from: UInt64(index), to: transfer.blockCount, by: transfer.queueCount) {
      try finish(turn)
      let (offset, byteCount) = transfer.block(block)
      do throws(Errno) {
        try start(turn, offset: offset, byteCount: byteCount)
      } catch {
        throw .request("request at \(offset)", error)
      }
      turn = unsafe (turn + 1) % slots.count
    }
    for _ in unsafe slots.indices {
      try finish(turn)
      turn = unsafe (turn + 1) % slots.count
    }
  }

  private func start(_ turn: Int, offset: UInt64, byteCount: Int) throws(Errno) {
    let bytes = unsafe UnsafeMutableRawBufferPointer(rebasing: slots[turn].bytes[..<byteCount])
    unsafe slots[turn].offset = offset
    unsafe slots[turn].byteCount = byteCount
    switch transfer.operation {
    case .read: unsafe slots[turn].request = try unsafe queue.submitRead(at: offset, into: bytes)
    case .write:
      unsafe Pattern(seed: transfer.pattern ?? 0).fill(bytes, offset: offset)
      unsafe outcome.checksum &+= Checksum.part(UnsafeRawBufferPointer(bytes), offset: offset)
      unsafe slots[turn].request = try unsafe queue.submitWrite(
        at: offset, from: UnsafeRawBufferPointer(bytes))
    }
  }

  private func finish(_ turn: Int) throws(VextIOFailure) {
    guard let request = unsafe slots[turn].request else { return }
    unsafe slots[turn].request = nil
    let offset = unsafe slots[turn].offset
    let byteCount = unsafe slots[turn].byteCount
    do throws(Errno) {
      try queue.wait(for: request)
    } catch {
      throw .request("request at \(offset)", error)
    }
    outcome.requestCount += 1
    outcome.byteCount += UInt64(byteCount)
    guard transfer.operation == .read else { return }
    let bytes = unsafe UnsafeRawBufferPointer(rebasing: slots[turn].bytes[..<byteCount])
    unsafe outcome.checksum &+= Checksum.part(bytes, offset: offset)
    if let seed = transfer.pattern, let place = unsafe Pattern(seed: seed).mismatch(in: bytes, offset: offset)
    {
      throw .mismatch(offset: place)
    }
  }
}
