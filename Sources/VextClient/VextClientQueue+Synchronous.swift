public import SystemPackage
import VextProtocol

extension VextClientQueue {
  /// Reads `buffer.count` bytes of the disk from `offset` on, and blocks until they are in `buffer`.
  ///
  /// See `submitRead(at:into:)` for the errors.
  public func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) {
    try wait(for: unsafe submitRead(at: offset, into: buffer))
  }

  /// Fills `buffer` from the disk, from `offset` on.
  public func read(at offset: UInt64, into buffer: borrowing VextBuffer) throws(Errno) {
    try unsafe read(at: offset, into: buffer.bytes)
  }

  /// Reads into several buffers, which are filled one after the other.
  public func read(at offset: UInt64, into buffers: [UnsafeMutableRawBufferPointer]) throws(Errno) {
    try wait(for: unsafe submitRead(at: offset, into: buffers))
  }

  /// Reads `byteCount` bytes of the disk from `offset` on.
  public func read(at offset: UInt64, byteCount: Int) throws(Errno) -> [UInt8] {
    guard byteCount >= 0 else { throw .invalidArgument }
    var bytes = [UInt8](repeating: 0, count: byteCount)
    // SAFETY: the array stays where it is until the read has ended.
    try unsafe bytes.withUnsafeMutableBufferPointer { (buffer) throws(Errno) in
      try unsafe read(at: offset, into: UnsafeMutableRawBufferPointer(buffer))
    }
    return bytes
  }

  /// Writes `buffer` to the disk from `offset` on, and blocks until the device has completed the write.
  ///
  /// The data are on stable storage only after a ``flush()``.
  public func write(at offset: UInt64, from buffer: UnsafeRawBufferPointer) throws(Errno) {
    try wait(for: unsafe submitWrite(at: offset, from: buffer))
  }

  /// Writes a buffer of the pool to the disk from `offset` on.
  public func write(at offset: UInt64, from buffer: borrowing VextBuffer) throws(Errno) {
    try unsafe write(at: offset, from: UnsafeRawBufferPointer(buffer.bytes))
  }

  /// Writes several buffers, one after the other.
  public func write(at offset: UInt64, from buffers: [UnsafeRawBufferPointer]) throws(Errno) {
    try wait(for: unsafe submitWrite(at: offset, from: buffers))
  }

  /// Writes `bytes` to the disk from `offset` on.
  public func write(at offset: UInt64, bytes: [UInt8]) throws(Errno) {
    // SAFETY: the array stays where it is until the write has ended.
    try unsafe bytes.withUnsafeBufferPointer { (buffer) throws(Errno) in
      try unsafe write(at: offset, from: UnsafeRawBufferPointer(buffer))
    }
  }

  /// Brings every completed write and write-zeroes of any queue of the device to stable storage, and blocks until then.
  public func flush() throws(Errno) { try wait(for: submitFlush()) }

  /// Discards a range of the disk, whose contents are undefined afterwards.
  public func discard(at offset: UInt64, byteCount: UInt64) throws(Errno) {
    try wait(for: submitDiscard(at: offset, byteCount: byteCount))
  }

  /// Fills a range of the disk with zeroes.
  public func writeZeroes(at offset: UInt64, byteCount: UInt64) throws(Errno) {
    try wait(for: submitWriteZeroes(at: offset, byteCount: byteCount))
  }

  /// The disk's identity: 20 bytes, padded with zero bytes (docs/vext-protocol.md §4.2).
  public func identify() throws(Errno) -> [UInt8] {
    let byteCount = 20
    let buffer = try pool.allocate(byteCount: byteCount)
    guard let base = unsafe buffer.bytes.baseAddress,
      let place = unsafe memory.offset(of: base, byteCount: byteCount)
    else { throw .noMemory }
    let requestIndex = try beginRequest()
    let segment = VextSegment(
      address: GuestAddress(memory.map.run(at: place).address), byteCount: UInt32(byteCount))
    push(
      VextSubmissionEntry(operation: VextOperation.identify.rawValue, id: 0, segment0: segment),
      byteCount: UInt64(byteCount), request: requestIndex)
    try wait(for: endSubmission(requestIndex))
    return unsafe [UInt8](buffer.bytes)
  }

  /// Carries out all of `requests` concurrently, in no defined order, and waits for all of them.
  ///
  /// - Throws: the error of the first request in the list that failed. The other requests are carried out nevertheless.
  public func perform(_ requests: [VextClientRequest]) throws(Errno) {
    var failure: Errno?
    var ids: [VextRequestID] = []
    unsafe ids.reserveCapacity(requests.count)
    for index in unsafe requests.indices {
      do throws(Errno) {
        ids.append(try unsafe submit(requests[index]))
      } catch {
        failure = error
        break
      }
    }
    // A request that failed to start comes after all requests that started.
    for id in ids.reversed() {
      do throws(Errno) { try wait(for: id) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  /// Starts a request.
  public func submit(_ request: VextClientRequest) throws(Errno) -> VextRequestID {
    switch unsafe request {
    case .read(let offset, let buffer): try unsafe submitRead(at: offset, into: buffer)
    case .write(let offset, let buffer): try unsafe submitWrite(at: offset, from: buffer)
    case .flush: try submitFlush()
    case .discard(let offset, let byteCount): try submitDiscard(at: offset, byteCount: byteCount)
    case .writeZeroes(let offset, let byteCount): try submitWriteZeroes(at: offset, byteCount: byteCount)
    }
  }
}

/// A request for ``VextClientQueue/perform(_:)``, which carries out several at once.
@unsafe
public enum VextClientRequest {
  /// Reads the disk from `offset` on into `buffer`.
  case read(offset: UInt64, buffer: UnsafeMutableRawBufferPointer)
  /// Writes `buffer` to the disk from `offset` on.
  case write(offset: UInt64, buffer: UnsafeRawBufferPointer)
  /// Brings the data of completed writes to stable storage.
  case flush
  /// Discards a range of the disk.
  case discard(offset: UInt64, byteCount: UInt64)
  /// Fills a range of the disk with zeroes.
  case writeZeroes(offset: UInt64, byteCount: UInt64)
}
