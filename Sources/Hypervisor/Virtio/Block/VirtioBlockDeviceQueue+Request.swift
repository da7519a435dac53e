import CLinux
import Glibc

/// The life of one request.
extension VirtioBlockDeviceQueue {
  private typealias Request = VirtioBlockProtocol.Request
  private typealias Status = VirtioBlockProtocol.Status

  /// A request's header and data, taken apart; the status byte is already set aside.
  struct Parts: BitwiseCopyable {
    var type: UInt32
    var sector: UInt64
    /// Data for the device: first vector, vectors, bytes.
    var outStart: Int
    var outCount: Int
    var outByteCount: UInt64
    /// Room for the device's data.
    var inStart: Int
    var inCount: Int
    var inByteCount: UInt64
  }

  /// Starts the request at `head`, or answers it at once.
  ///
  /// - Returns: whether the engine has it now.
  /// - Throws: where there is no way to answer, or the head is one that the engine has.
  @inline(__always)
  func start(
    _ head: UInt16, _ ring: inout Virtqueue, _ engine: inout BlockEngine
  ) throws(VirtqueueError) -> Bool {
    let place = Int(head)
    guard unsafe !slots[place].isUnderWay else { throw .headInFlight(head) }
    // SAFETY: a head is less than the ring's size, for which the arrays were allocated.
    let vectors = unsafe self.vectors + place &* chainLimit
    let chain = try unsafe ring.readChain(head: head, into: vectors, capacity: chainLimit)
    guard chain.writableByteCount > 0 else { throw .noRoomForStatus }
    // The status is the last byte that may be written, wherever the descriptors end (virtio 1.2 §2.7.4.3).
    let last = unsafe vectors + (chain.vectorCount &- 1)
    unsafe last.pointee.iov_len &-= 1
    unsafe statuses[place] = unsafe last.pointee.iov_base.map { unsafe $0 + last.pointee.iov_len }
    guard let parts = unsafe takeHeader(vectors, chain) else {
      unsafe answer(head, status: Status.ioError, writtenByteCount: 1, &ring)
      return false
    }
    return unsafe perform(parts, head, vectors, &ring, &engine)
  }

  /// Answers the request at `head` with what the engine made of it: bytes moved, or -errno.
  @inline(__always)
  func answer(_ head: UInt16, result: Int64, _ ring: inout Virtqueue) {
    let slot = unsafe slots[Int(head)]
    if result >= 0, UInt64(result) == slot.byteCount {
      unsafe answer(head, status: Status.ok, writtenByteCount: slot.writtenByteCount, &ring)
    } else {
      let status = result == -Int64(EOPNOTSUPP) ? Status.unsupported : Status.ioError
      unsafe answer(head, status: status, writtenByteCount: 1, &ring)
    }
  }

  @inline(__always)
  func answer(_ head: UInt16, status: UInt8, writtenByteCount: UInt32, _ ring: inout Virtqueue) {
    // SAFETY: `start` found the byte within guest RAM, which `memory` keeps mapped.
    unsafe statuses[Int(head)]?.storeBytes(of: status, as: UInt8.self)
    unsafe ring.putUsed(head: head, byteCount: writtenByteCount)
  }

  /// Copies the header out of the readable vectors, however it is split, and leaves the data.
  @inline(__always)
  private func takeHeader(_ vectors: UnsafeMutablePointer<iovec>, _ chain: DescriptorChain) -> Parts? {
    guard chain.readableByteCount >= VirtioBlockProtocol.headerByteCount else { return nil }
    var start = 0
    let header = unsafe takeWords(vectors, &start)
    // Where the last vector held nothing but the status it is empty now, which does no harm.
    return Parts(
      type: UInt32(truncatingIfNeeded: header.0), sector: header.1,
      outStart: start, outCount: chain.readableVectorCount &- start,
      outByteCount: chain.readableByteCount &- VirtioBlockProtocol.headerByteCount,
      inStart: chain.readableVectorCount, inCount: chain.writableVectorCount,
      inByteCount: chain.writableByteCount &- 1)
  }

  /// Moves 16 bytes, a header or a range, from the vectors at `index` on, which hold as many, to a copy.
  @inline(__always)
  func takeWords(_ vectors: UnsafeMutablePointer<iovec>, _ index: inout Int) -> (UInt64, UInt64) {
    var words: (UInt64, UInt64) = (0, 0)
    unsafe withUnsafeMutableBytes(of: &words) { target in
      var done = 0
      while done < target.count {
        let count = unsafe min(vectors[index].iov_len, target.count &- done)
        guard let source = unsafe vectors[index].iov_base, let base = target.baseAddress else { return }
        // SAFETY: count bytes are left in the vector, and done + count <= 16.
        unsafe (base + done).copyMemory(from: source, byteCount: count)
        done &+= count
        unsafe vectors[index].iov_base = source + count
        unsafe vectors[index].iov_len &-= count
        if unsafe vectors[index].iov_len == 0 { index &+= 1 }
      }
    }
    return (UInt64(littleEndian: words.0), UInt64(littleEndian: words.1))
  }

  @inline(__always)
  private func perform(
    _ parts: Parts, _ head: UInt16, _ vectors: UnsafeMutablePointer<iovec>, _ ring: inout Virtqueue,
    _ engine: inout BlockEngine
  ) -> Bool {
    switch parts.type {
    case Request.in:
      guard parts.outByteCount == 0, let offset = offset(parts.sector, byteCount: parts.inByteCount) else {
        break
      }
      return unsafe begin(
        .read, head, vectors + parts.inStart, parts.inCount, offset, parts.inByteCount,
        writtenByteCount: UInt32(truncatingIfNeeded: parts.inByteCount &+ 1), &ring, &engine)
    case Request.out:
      guard !disk.isReadOnly, parts.inByteCount == 0,
        let offset = offset(parts.sector, byteCount: parts.outByteCount)
      else { break }
      return unsafe begin(
        cache.isWriteBack ? .write : .durableWrite, head, vectors + parts.outStart, parts.outCount, offset,
        parts.outByteCount,
        writtenByteCount: 1,
        &ring, &engine)
    case Request.flush:
      return unsafe begin(.flush, head, vectors, 0, 0, 0, writtenByteCount: 1, &ring, &engine)
    case Request.getID:
      let count = unsafe copyIdentity(vectors + parts.inStart, parts.inCount)
      unsafe answer(head, status: Status.ok, writtenByteCount: UInt32(count) &+ 1, &ring)
      return false
    case Request.discard, Request.writeZeroes:
      return unsafe beginRanges(parts, head, vectors, &ring, &engine)
    default:
      unsafe answer(head, status: Status.unsupported, writtenByteCount: 1, &ring)
      return false
    }
    unsafe answer(head, status: Status.ioError, writtenByteCount: 1, &ring)
    return false
  }

  /// Where `sector` is in bytes, if the range is one of whole blocks within the disk.
  @inline(__always)
  func offset(_ sector: UInt64, byteCount: UInt64) -> UInt64? {
    let (offset, overflow) = sector.multipliedReportingOverflow(by: VirtioBlockProtocol.sectorByteCount)
    guard !overflow, disk.contains(offset: offset, byteCount: byteCount) else { return nil }
    return disk.isAligned(offset) && disk.isAligned(byteCount) ? offset : nil
  }

  @inline(__always)
  private func begin(
    _ operation: BlockOperation, _ head: UInt16, _ vectors: UnsafeMutablePointer<iovec>, _ vectorCount: Int,
    _ offset: UInt64, _ byteCount: UInt64, writtenByteCount: UInt32, _ ring: inout Virtqueue,
    _ engine: inout BlockEngine
  ) -> Bool {
    unsafe slots[Int(head)] = VirtioBlockSlot(byteCount: byteCount, writtenByteCount: writtenByteCount)
    if byteCount == 0, operation != .flush {
      unsafe answer(head, result: 0, &ring)
      return false
    }
    let startTicks = activity.begin(operation, byteCount: byteCount)
    let start = unsafe engine.start(
      operation, on: disk, vectors: vectors, vectorCount: vectorCount, offset: offset, byteCount: byteCount,
      token: token(of: head))
    switch start {
    case .finished(let result):
      activity.finish(startedAt: startTicks)
      unsafe answer(head, result: result, &ring)
      return false
    case .pending:
      unsafe slots[Int(head)].startTicks = startTicks
      unsafe slots[Int(head)].partCount = 1
      return true
    }
  }

  /// Copies the disk's name, as far as there is room.
  private func copyIdentity(_ vectors: UnsafeMutablePointer<iovec>, _ vectorCount: Int) -> Int {
    var done = 0
    for index in 0..<vectorCount {
      let count = unsafe min(vectors[index].iov_len, VirtioBlockProtocol.identityByteCount &- done)
      // SAFETY: the vector has room for count bytes, and done + count <= 20.
      unsafe vectors[index].iov_base?.copyMemory(from: identity + done, byteCount: count)
      done &+= count
    }
    return done
  }
}
