import CLinux

/// The requests of one queue by the heads of their chains: where their data are, and what became of them.
///
/// All of it is allocated once for each queue. Only the memory of vectors that requests touch becomes resident.
@safe
struct VirtioBlockRequestTable: ~Copyable {
  // SAFETY: there are `size` slots and statuses, and `size * chainLimit` vectors. Each method checks that its head is less than `size`;
  // the parts of a chain lie within its `chainLimit` vectors.
  private let size: Int
  private let chainLimit: Int
  private let vectors: UnsafeMutablePointer<iovec>
  private let slots: UnsafeMutablePointer<VirtioBlockSlot>
  private let statuses: UnsafeMutablePointer<UnsafeMutableRawPointer?>

  /// Room for the requests of a queue of `size` entries, whose chains have `chainLimit` descriptors at most.
  init(size: Int, chainLimit: Int) {
    self.size = size
    self.chainLimit = chainLimit
    unsafe vectors = .allocate(capacity: size * chainLimit)
    unsafe slots = .allocate(capacity: size)
    unsafe slots.initialize(repeating: VirtioBlockSlot(byteCount: 0, writtenByteCount: 0), count: size)
    unsafe statuses = .allocate(capacity: size)
    unsafe statuses.initialize(repeating: nil, count: size)
  }

  deinit {
    unsafe vectors.deallocate()
    unsafe slots.deallocate()
    unsafe statuses.deallocate()
  }

  /// Whether `slot` names a request that the engine has.
  @inline(__always)
  func isUnderWay(_ slot: UInt32) -> Bool { slot < size && (unsafe slots[Int(slot)].isUnderWay) }

  /// The progress of the request at `head`.
  @inline(__always)
  subscript(head: UInt16) -> VirtioBlockSlot {
    get {
      precondition(head < size)
      return unsafe slots[Int(head)]
    }
    nonmutating set {
      precondition(head < size)
      unsafe slots[Int(head)] = newValue
    }
  }

  /// Tells the driver how the request at `head` ended.
  @inline(__always)
  func store(_ status: VirtioBlockStatus, of head: UInt16) {
    precondition(head < size)
    // SAFETY: the chain had this byte within guest RAM, which the queue's ``GuestMemory`` keeps mapped.
    unsafe statuses[Int(head)]?.storeBytes(of: status.rawValue, as: UInt8.self)
  }

  /// The vectors of `data`, of the request at `head`.
  @inline(__always)
  func vectors(of data: VirtioBlockData, head: UInt16) -> UnsafeMutablePointer<iovec> {
    precondition(head < size)
    return unsafe vectors + (Int(head) &* chainLimit &+ data.firstVector)
  }

  /// Reads the chain at `head` and takes the request apart.
  ///
  /// - Throws: VirtqueueError where there is no way to answer.
  @inline(__always)
  func take(
    _ head: UInt16, from ring: Virtqueue, disk: DiskHandle
  ) throws(VirtqueueError) -> VirtioBlockRequest {
    let vectors = unsafe vectors(of: .none, head: head)
    let chain = try unsafe ring.readChain(head: head, into: vectors, capacity: chainLimit)
    guard chain.writableByteCount > 0 else { throw .noRoomForStatus }
    // The status is the last byte that may be written, wherever the descriptors end (virtio 1.2 §2.7.4.3).
    let last = unsafe vectors + (chain.vectorCount &- 1)
    unsafe last.pointee.iov_len &-= 1
    unsafe statuses[Int(head)] = unsafe last.pointee.iov_base.map { unsafe $0 + last.pointee.iov_len }
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
    var vector = unsafe vectors(of: data, head: head)
    unsafe withUnsafeMutableBytes(of: &words) { target in
      var done = 0
      while done < target.count {
        let count = unsafe min(vector.pointee.iov_len, target.count &- done)
        guard let source = unsafe vector.pointee.iov_base, let base = target.baseAddress else { return }
        // SAFETY: count bytes are left in the vector, and done + count <= 16.
        unsafe (base + done).copyMemory(from: source, byteCount: count)
        done &+= count
        unsafe vector.pointee.iov_base = source + count
        unsafe vector.pointee.iov_len &-= count
        if unsafe vector.pointee.iov_len == 0 {
          unsafe vector += 1
          data.firstVector &+= 1
          data.vectorCount &-= 1
        }
      }
    }
    data.byteCount &-= 16
    return (UInt64(littleEndian: words.0), UInt64(littleEndian: words.1))
  }

  /// Copies `bytes` to `data`, as far as there is room.
  ///
  /// - Returns: The number of bytes copied.
  func copy(_ bytes: [UInt8], to data: VirtioBlockData, head: UInt16) -> Int {
    let vectors = unsafe UnsafeBufferPointer(start: vectors(of: data, head: head), count: data.vectorCount)
    return unsafe bytes.withUnsafeBytes { source in
      unsafe vectors.forEachRun(from: 0, byteCount: source.count) { target, done, count in
        // SAFETY: a run ends within `source.count` bytes, which are not zero where there is a run.
        unsafe target.copyMemory(from: source.baseAddress.unsafelyUnwrapped + done, byteCount: count)
      }
    }
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
  /// Results that the engine still owes: 1 for a transfer, one for each range.
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
