import CLinux
import Glibc

/// DISCARD and WRITE_ZEROES (virtio 1.2 §5.2.6).
extension VirtioBlockQueue {
  private typealias Status = VirtioBlockProtocol.Status

  /// Copies the request's ranges, checks all of them, and changes the disk only if each is sound.
  ///
  /// - Returns: the request's status.
  func changeRanges(
    _ parts: Parts, _ vectors: UnsafeMutablePointer<iovec>, _ engine: inout BlockEngine
  ) -> UInt8 {
    let (count, remainder) = parts.outByteCount
      .quotientAndRemainder(dividingBy: VirtioBlockProtocol.rangeByteCount)
    guard !disk.isReadOnly, remainder == 0, (1...UInt64(VirtioBlock.maximumRangeCount)).contains(count) else {
      return Status.ioError
    }
    var ranges = InlineArray<16, VirtioBlockRange>(repeating: VirtioBlockRange())
    var index = parts.outStart
    for place in 0..<Int(count) {
      let words = unsafe takeWords(vectors, &index)
      switch range(words, type: parts.type) {
      case .success(let range): ranges[place] = range
      case .failure(let refusal): return refusal.status
      }
    }
    for place in 0..<Int(count) where ranges[place].byteCount > 0 {
      let range = ranges[place]
      let result = engine.performRange(
        range.operation, on: disk, offset: range.offset, byteCount: range.byteCount)
      if result < 0 { return result == -Int64(EOPNOTSUPP) ? Status.unsupported : Status.ioError }
    }
    return Status.ok
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
    // A hole reads as zeroes: what may be deallocated as well is.
    let operation: BlockOperation = isDiscard || flags != 0 ? .discard : .writeZeroes
    return .success(VirtioBlockRange(operation: operation, offset: offset, byteCount: byteCount))
  }
}
