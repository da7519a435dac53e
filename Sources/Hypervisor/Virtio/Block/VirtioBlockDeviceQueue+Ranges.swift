import CLinux
import Glibc

/// DISCARD and WRITE_ZEROES (virtio 1.2 §5.2.6).
extension VirtioBlockDeviceQueue {
  private typealias Status = VirtioBlockProtocol.Status

  /// Copies the request's ranges, checks all of them, and changes the disk only if each is sound.
  ///
  /// - Returns: whether the engine has it now; otherwise it is answered.
  func beginRanges(
    _ parts: Parts, _ head: UInt16, _ vectors: UnsafeMutablePointer<iovec>, _ ring: inout Virtqueue,
    _ engine: inout BlockEngine
  ) -> Bool {
    var ranges = InlineArray<16, VirtioBlockRange>(repeating: VirtioBlockRange())
    let count: Int
    switch unsafe takeRanges(parts, vectors, into: &ranges) {
    case .success(let taken): count = taken
    case .failure(let refusal):
      unsafe answer(head, status: refusal.status, writtenByteCount: 1, &ring)
      return false
    }
    var slot = VirtioBlockSlot(writtenByteCount: 1)
    slot.startTicks = activity.begin(.discard, byteCount: 0)
    // The engine may be nearly full: what it has no room for is done here and now.
    let fits = engine.room >= count
    for place in 0..<count where ranges[place].byteCount > 0 && slot.result >= 0 {
      let range = ranges[place]
      slot.byteCount &+= range.byteCount
      let start =
        fits
        ? unsafe engine.start(
          range.operation, on: disk, vectors: vectors, vectorCount: 0, offset: range.offset,
          byteCount: range.byteCount, token: token(of: head))
        : .finished(
          engine.performRange(range.operation, on: disk, offset: range.offset, byteCount: range.byteCount))
      switch start {
      case .finished(let result): slot.note(result)
      case .pending: slot.partCount &+= 1
      }
    }
    unsafe slots[Int(head)] = slot
    if slot.isUnderWay { return true }
    activity.finish(startedAt: slot.startTicks)
    unsafe answer(head, result: slot.result, &ring)
    return false
  }

  /// Copies and checks the ranges; tells how many there are.
  private func takeRanges(
    _ parts: Parts, _ vectors: UnsafeMutablePointer<iovec>,
    into ranges: inout InlineArray<16, VirtioBlockRange>
  ) -> Result<Int, Refusal> {
    let (count, remainder) = parts.outByteCount
      .quotientAndRemainder(dividingBy: VirtioBlockProtocol.rangeByteCount)
    guard !disk.isReadOnly, remainder == 0, (1...UInt64(VirtioBlock.maximumRangeCount)).contains(count) else {
      return .failure(Refusal(status: Status.ioError))
    }
    var index = parts.outStart
    for place in 0..<Int(count) {
      let words = unsafe takeWords(vectors, &index)
      switch range(words, type: parts.type) {
      case .success(let range): ranges[place] = range
      case .failure(let refusal): return .failure(refusal)
      }
    }
    return .success(Int(count))
  }

  private struct Refusal: Error {
    let status: UInt8
  }

  /// A range from its two words: sector; sectors and flags.
  private func range(_ words: (UInt64, UInt64), type: UInt32) -> Result<VirtioBlockRange, Refusal> {
    let sectorCount = UInt32(truncatingIfNeeded: words.1)
    let flags = UInt32(truncatingIfNeeded: words.1 &>> 32)
    let isDiscard = type == VirtioBlockProtocol.Request.discard
    let known = isDiscard ? 0 : VirtioBlockProtocol.rangeUnmapFlag
    guard flags & ~known == 0 else { return .failure(Refusal(status: Status.unsupported)) }
    let byteCount = UInt64(sectorCount) &* VirtioBlockProtocol.sectorByteCount
    guard sectorCount <= VirtioBlock.maximumRangeSectorCount,
      let offset = offset(words.0, byteCount: byteCount)
    else { return .failure(Refusal(status: Status.ioError)) }
    // A hole reads as zeroes: what may be deallocated is, where the host can.
    let operation: BlockOperation = isDiscard || (flags != 0 && disk.canDiscard) ? .discard : .writeZeroes
    return .success(VirtioBlockRange(operation: operation, offset: offset, byteCount: byteCount))
  }
}
