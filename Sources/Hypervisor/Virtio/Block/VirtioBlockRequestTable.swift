/// The requests of one queue by the heads of their chains: where their data are, and what became of them.
///
/// All of it is allocated once for each queue. Only the memory of vectors that requests touch becomes resident.
struct VirtioBlockRequestTable: ~Copyable {
  private let size: Int
  private let chainLimit: Int
  /// `chainLimit` vectors for each head.
  private let vectors: FixedTable<IOVector>
  private let slots: FixedTable<VirtioBlockSlot>
  /// The byte of each request's status.
  private let statuses: FixedTable<IOVector>

  /// Room for the requests of a queue of `size` entries, whose chains have `chainLimit` descriptors at most.
  init(size: Int, chainLimit: Int) {
    self.size = size
    self.chainLimit = chainLimit
    do {
      vectors = try FixedTable(emptyVectors: size * chainLimit)
      slots = try FixedTable(
        repeating: VirtioBlockSlot(byteCount: 0, writtenByteCount: 0), count: size)
      statuses = try FixedTable(emptyVectors: size)
    } catch {
      preconditionFailure("no memory for a queue's requests: \(error)")
    }
  }

  /// Whether `slot` names a request that the engine has.
  @inline(__always)
  func isUnderWay(_ slot: UInt32) -> Bool { slot < size && slots[Int(slot)].isUnderWay }

  /// The progress of the request at `head`.
  @inline(__always)
  subscript(head: UInt16) -> VirtioBlockSlot {
    get { slots[Int(head)] }
    nonmutating set { slots[Int(head)] = newValue }
  }

  /// Tells the driver how the request at `head` ended.
  @inline(__always)
  func store(_ status: VirtioBlockStatus, of head: UInt16) {
    statuses[Int(head)].store(status.rawValue)
  }

  /// The vectors of `data`, of the request at `head`.
  @inline(__always)
  func vectors(of data: VirtioBlockData, head: UInt16) -> IOVectors {
    vectors.vectors(from: Int(head) &* chainLimit &+ data.firstVector, count: data.vectorCount)
  }

  /// Reads the chain at `head` and takes the request apart.
  ///
  /// - Throws: VirtqueueError where there is no way to answer.
  @inline(__always)
  func take(
    _ head: UInt16, from ring: Virtqueue, disk: DiskHandle
  ) throws(VirtqueueError) -> VirtioBlockRequest {
    let vectors = self.vectors.vectors(from: Int(head) &* chainLimit, count: chainLimit)
    let chain = try ring.readChain(head: head, into: vectors)
    guard chain.writableByteCount > 0 else { throw .noRoomForStatus }
    // The status is the last byte that may be written, wherever the descriptors end (virtio 1.2 §2.7.4.3).
    statuses[Int(head)] = vectors[chain.vectorCount &- 1].popLast()
    guard chain.readableByteCount >= VirtioBlockProtocol.headerByteCount else {
      return .refused(.ioError)
    }
    var input = VirtioBlockData(
      firstVector: 0, vectorCount: chain.readableVectorCount, byteCount: chain.readableByteCount)
    let header = takeWords(of: &input, head: head)
    // Where the last vector held nothing but the status it is empty now, which does no harm.
    let output = VirtioBlockData(
      firstVector: chain.readableVectorCount, vectorCount: chain.writableVectorCount,
      byteCount: chain.writableByteCount &- 1)
    return VirtioBlockRequest(header: header, input: input, output: output, disk: disk)
  }

  /// Moves 16 bytes, a header or a range, from `data`, which has as many, to a copy, however they are split.
  @inline(__always)
  func takeWords(of data: inout VirtioBlockData, head: UInt16) -> (UInt64, UInt64) {
    var words: (UInt64, UInt64) = (0, 0)
    let vectors = vectors(of: data, head: head)
    var done = 0
    var index = 0
    while done < 16, index < vectors.count {
      done &+= vectors[index].move(to: &words, from: done)
      if vectors[index].byteCount == 0 { index &+= 1 }
    }
    data.firstVector &+= index
    data.vectorCount &-= index
    data.byteCount &-= 16
    return (UInt64(littleEndian: words.0), UInt64(littleEndian: words.1))
  }

  /// Copies `bytes` to `data`, as far as there is room.
  ///
  /// - Returns: The number of bytes copied.
  func copy(_ bytes: [UInt8], to data: VirtioBlockData, head: UInt16) -> Int {
    vectors(of: data, head: head).write(bytes.span)
  }
}

/// The state of a request until it is answered.
struct VirtioBlockSlot: BitwiseCopyable {
  /// Bytes that the engine must move for the request to succeed, or of all its ranges.
  var byteCount: UInt64
  /// The engine's result so far: number of bytes, or the first -errno.
  var result: Int64 = 0
  /// When it began: ``DiskActivity/begin(_:byteCount:)``.
  var startTicks: UInt64 = 0
  /// Bytes of guest memory that are written if it succeeds, the status included.
  var writtenByteCount: UInt32
  /// Number of results still expected from the engine: 1 for a transfer, one for each range.
  var partCount: UInt32 = 0

  init(byteCount: UInt64, writtenByteCount: UInt32) {
    self.byteCount = byteCount
    self.writtenByteCount = writtenByteCount
  }

  /// Whether the engine has it.
  @inline(__always)
  var isUnderWay: Bool { partCount > 0 }

  /// Takes the result of one part; tells whether it was the last.
  @inline(__always)
  mutating func take(_ part: Int64) -> Bool {
    note(part)
    partCount &-= 1
    return partCount == 0
  }

  /// Adds the result of a part that the engine never had.
  @inline(__always)
  mutating func note(_ part: Int64) {
    if result >= 0 { result = part < 0 ? part : result &+ part }
  }
}
