/// What a driver asks of a block device (virtio 1.2 §5.2.6), checked against the disk.
enum VirtioBlockRequest: BitwiseCopyable {
  /// Copies whole blocks that lie within the disk to guest memory.
  case read(offset: UInt64, VirtioBlockData)
  /// Copies guest memory to whole blocks that lie within the disk.
  case write(offset: UInt64, VirtioBlockData)
  /// Makes earlier writes durable.
  case flush
  /// Copies the disk's name to guest memory, as far as there is room.
  case identify(VirtioBlockData)
  /// Gives up the ranges that are in guest memory.
  case discard(VirtioBlockData)
  /// Zeroes the ranges that are in guest memory.
  case writeZeroes(VirtioBlockData)
  /// Breaks a rule of its type, or has a type that the device does not know: answered with the status.
  case refused(VirtioBlockStatus)

  /// - Parameters:
  ///   - header: The two words of the request's header: type and reserved; sector.
  ///   - input: What the device can read: the driver's data, the header excluded.
  ///   - output: What the device can write: room for its data, the status excluded.
  @inline(__always)
  init(header: (UInt64, UInt64), input: VirtioBlockData, output: VirtioBlockData, disk: DiskHandle) {
    self = .refused(.ioError)
    switch VirtioBlockProtocol.RequestType(rawValue: UInt32(truncatingIfNeeded: header.0)) {
    case .in:
      let offset = Self.offset(ofSector: header.1, byteCount: output.byteCount, on: disk)
      if let offset, input.byteCount == 0 { self = .read(offset: offset, output) }
    case .out:
      let offset = Self.offset(ofSector: header.1, byteCount: input.byteCount, on: disk)
      if let offset, output.byteCount == 0, !disk.isReadOnly { self = .write(offset: offset, input) }
    case .flush: self = .flush
    case .getID: self = .identify(output)
    case .discard: if Self.holdsRanges(input), !disk.isReadOnly { self = .discard(input) }
    case .writeZeroes: if Self.holdsRanges(input), !disk.isReadOnly { self = .writeZeroes(input) }
    case nil: self = .refused(.unsupported)
    }
  }

  /// Where `sector` is in bytes, if whole blocks within the disk start there and fill `byteCount` bytes.
  @inline(__always)
  static func offset(ofSector sector: UInt64, byteCount: UInt64, on disk: DiskHandle) -> UInt64? {
    let (offset, overflow) = sector.multipliedReportingOverflow(by: VirtioBlockProtocol.sectorByteCount)
    guard !overflow, disk.contains(offset: offset, byteCount: byteCount) else { return nil }
    return disk.isAligned(offset) && disk.isAligned(byteCount) ? offset : nil
  }

  /// Whether `data` has as many ranges as one request may have.
  private static func holdsRanges(_ data: VirtioBlockData) -> Bool {
    let (count, rest) = data.byteCount.quotientAndRemainder(dividingBy: VirtioBlockProtocol.rangeByteCount)
    return rest == 0 && count > 0 && count <= UInt64(VirtioBlock.maximumRangeCount)
  }
}

/// The part of a request's vectors that holds its data.
struct VirtioBlockData: BitwiseCopyable {
  /// No data.
  static let none = VirtioBlockData(firstVector: 0, vectorCount: 0, byteCount: 0)

  var firstVector: Int
  var vectorCount: Int
  var byteCount: UInt64
}

/// A range of a DISCARD or WRITE_ZEROES request, checked against the disk.
struct VirtioBlockRange: BitwiseCopyable {
  /// What to do with it.
  var operation = BlockOperation.discard
  /// The start of the range in bytes.
  var offset: UInt64 = 0
  /// Its length in bytes; an empty one is skipped.
  var byteCount: UInt64 = 0

  /// An empty range.
  init() {}

  /// - Parameters:
  ///   - words: The range's two words: sector; number of sectors and flags.
  ///   - operation: What the request does: `.discard` or `.writeZeroes`.
  /// - Throws: The status with which to answer a request that has such a range.
  init(words: (UInt64, UInt64), operation: BlockOperation, disk: DiskHandle) throws(VirtioBlockStatus) {
    let sectorCount = UInt32(truncatingIfNeeded: words.1)
    let flags = UInt32(truncatingIfNeeded: words.1 &>> 32)
    let known = operation == .discard ? 0 : VirtioBlockProtocol.rangeUnmapFlag
    guard flags & ~known == 0 else { throw .unsupported }
    byteCount = UInt64(sectorCount) &* VirtioBlockProtocol.sectorByteCount
    guard sectorCount <= VirtioBlock.maximumRangeSectorCount,
      let offset = VirtioBlockRequest.offset(ofSector: words.0, byteCount: byteCount, on: disk)
    else { throw .ioError }
    self.offset = offset
    // A hole reads as zeroes: what may be deallocated is, where the host can.
    self.operation = operation == .discard || (flags != 0 && disk.canDiscard) ? .discard : .writeZeroes
  }
}
