public import SystemPackage
import VextProtocol

extension VextClientQueue {
  /// Starts a read of `buffer.count` bytes of the disk.
  ///
  /// Returns when the last of its entries is in the ring: at once, unless the queue is full.
  ///
  /// - Parameters:
  ///   - offset: the position on the disk in bytes.
  ///   - buffer: stays valid and unused until the result was taken.
  /// - Throws: `EINVAL` if offset or length is not a multiple of the block size or the range is not on the disk; the
  ///   queue's ``failure``.
  public func submitRead(
    at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) throws(Errno) -> VextRequestID {
    var buffer = unsafe buffer
    // SAFETY: one element, for the duration of the call.
    return try unsafe withUnsafePointer(to: &buffer) { (pointer) throws(Errno) in
      try unsafe submitTransfer(.read, at: offset, UnsafeBufferPointer(start: pointer, count: 1))
    }
  }

  /// Starts a read into several buffers, which are filled one after the other. See `submitRead(at:into:)`.
  public func submitRead(
    at offset: UInt64, into buffers: [UnsafeMutableRawBufferPointer]
  ) throws(Errno) -> VextRequestID {
    try unsafe buffers.withUnsafeBufferPointer { (vectors) throws(Errno) in
      try unsafe submitTransfer(.read, at: offset, vectors)
    }
  }

  /// Starts a write of `buffer` to the disk. See `submitRead(at:into:)`; also throws `EROFS` if the disk is read-only.
  public func submitWrite(at offset: UInt64, from buffer: UnsafeRawBufferPointer) throws(Errno)
    -> VextRequestID
  {
    // The buffer is only read: by the device, or by the copy to the pool.
    var buffer = unsafe UnsafeMutableRawBufferPointer(mutating: buffer)
    return try unsafe withUnsafePointer(to: &buffer) { (pointer) throws(Errno) in
      try unsafe submitTransfer(.write, at: offset, UnsafeBufferPointer(start: pointer, count: 1))
    }
  }

  /// Starts a write of several buffers, one after the other. See `submitWrite(at:from:)`.
  public func submitWrite(
    at offset: UInt64, from buffers: [UnsafeRawBufferPointer]
  ) throws(Errno) -> VextRequestID {
    let vectors = unsafe buffers.map { unsafe UnsafeMutableRawBufferPointer(mutating: $0) }
    return try unsafe vectors.withUnsafeBufferPointer { (vectors) throws(Errno) in
      try unsafe submitTransfer(.write, at: offset, vectors)
    }
  }

  /// Starts a flush.
  ///
  /// When it has ended, every write and write-zeroes whose result was taken before this call, through any queue of the
  /// device, is on stable storage.
  public func submitFlush() throws(Errno) -> VextRequestID {
    let requestIndex = try beginRequest()
    push(
      VextSubmissionEntry(operation: VextOperation.flush.rawValue, id: 0), byteCount: 0, request: requestIndex
    )
    return endSubmission(requestIndex)
  }

  /// Starts a discard of a range of the disk, whose contents are no longer needed.
  ///
  /// The rules for the range are those of `submitRead(at:into:)`. The request ends with `EOPNOTSUPP` if the storage does not
  /// support it.
  ///
  /// - Throws: `EINVAL` for a bad range, `EROFS` if the disk is read-only; the queue's ``failure``.
  public func submitDiscard(at offset: UInt64, byteCount: UInt64) throws(Errno) -> VextRequestID {
    try submitRange(.discard, at: offset, byteCount: byteCount)
  }

  /// Starts filling a range of the disk with zeroes. See ``submitDiscard(at:byteCount:)`` for the errors.
  public func submitWriteZeroes(at offset: UInt64, byteCount: UInt64) throws(Errno) -> VextRequestID {
    try submitRange(.writeZeroes, at: offset, byteCount: byteCount)
  }

  private func submitRange(
    _ operation: VextOperation, at offset: UInt64, byteCount: UInt64
  ) throws(Errno) -> VextRequestID {
    try checkRange(offset: offset, byteCount: byteCount)
    if device.isReadOnly { throw .readOnlyFileSystem }
    // A device without discard and write-zeroes may have a limit of 0.
    guard limits.maxRangeByteCount > 0 else { throw .notSupportedOnSocket }
    let requestIndex = try beginRequest()
    var done: UInt64 = 0
    while done < byteCount {
      let count = min(byteCount - done, limits.maxRangeByteCount)
      let entry = VextSubmissionEntry(
        operation: operation.rawValue, id: 0, offset: offset + done, length: count)
      guard push(entry, byteCount: count, request: requestIndex) else { break }
      done += count
    }
    return endSubmission(requestIndex)
  }

  private func submitTransfer(
    _ operation: VextOperation, at offset: UInt64,
    _ vectors: UnsafeBufferPointer<UnsafeMutableRawBufferPointer>
  ) throws(Errno) -> VextRequestID {
    let blockMask = UInt(limits.blockByteCount - 1)
    var total: UInt64 = 0
    var isInPlace = true
    for index in vectors.indices {
      let vector = unsafe vectors[index]
      guard let base = vector.baseAddress, vector.count > 0 else { continue }
      let (sum, overflow) = total.addingReportingOverflow(UInt64(vector.count))
      guard !overflow else { throw .invalidArgument }
      total = sum
      if unsafe memory.offset(of: base, byteCount: vector.count) == nil
        || (UInt(bitPattern: base) | UInt(vector.count)) & blockMask != 0
      {
        isInPlace = false
      }
    }
    try checkRange(offset: offset, byteCount: total)
    if operation == .write && device.isReadOnly { throw .readOnlyFileSystem }
    let requestIndex = try beginRequest()
    if isInPlace {
      unsafe submitInPlace(operation, at: offset, vectors, request: requestIndex)
    } else {
      unsafe submitCopied(operation, at: offset, vectors, byteCount: Int(total), request: requestIndex)
    }
    return endSubmission(requestIndex)
  }

  /// Checks a range by the device's rules, because the device stops the queue for a bad one.
  private func checkRange(offset: UInt64, byteCount: UInt64) throws(Errno) {
    let blockMask = UInt64(limits.blockByteCount - 1)
    guard (offset | byteCount) & blockMask == 0, offset <= limits.capacity,
      byteCount <= limits.capacity - offset
    else { throw .invalidArgument }
  }

  /// Submits entries whose segments are the caller's memory.
  private func submitInPlace(
    _ operation: VextOperation, at offset: UInt64,
    _ vectors: UnsafeBufferPointer<UnsafeMutableRawBufferPointer>,
    request: Int
  ) {
    var position = offset
    var gathered = 0
    segments.removeAll(keepingCapacity: true)
    for index in vectors.indices {
      let vector = unsafe vectors[index]
      guard let base = vector.baseAddress,
        var place = unsafe memory.offset(of: base, byteCount: vector.count)
      else { continue }
      var left = vector.count
      while left > 0 {
        let count = append(place: place, byteCount: min(left, limits.maxTransferByteCount - gathered))
        gathered += count
        place += count
        left -= count
        if count == 0 || gathered == limits.maxTransferByteCount {
          guard pushGathered(operation, at: position, request: request) else { return }
          position += UInt64(gathered)
          gathered = 0
        }
      }
    }
    if gathered > 0 { pushGathered(operation, at: position, request: request) }
  }

  /// Adds memory to the segments of the next entry, as far as it is contiguous.
  ///
  /// - Returns: the number of bytes that were added; 0 if the list is full.
  private func append(place: Int, byteCount: Int) -> Int {
    let (address, contiguous) = memory.map.run(at: place)
    let count = min(byteCount, contiguous)
    if let last = segments.last, last.address.rawValue + UInt64(last.byteCount) == address {
      segments[segments.count - 1].byteCount += UInt32(count)
      return count
    }
    guard segments.count < segmentLimit else { return 0 }
    segments.append(VextSegment(address: GuestAddress(address), byteCount: UInt32(count)))
    return count
  }

  /// Submits the gathered segments and clears them.
  ///
  /// - Returns: false if the queue has failed.
  @discardableResult
  private func pushGathered(_ operation: VextOperation, at offset: UInt64, request: Int) -> Bool {
    defer { segments.removeAll(keepingCapacity: true) }
    guard let id = takeID(request: request) else { return false }
    if segments.count <= 2 || list(of: id) {
      pushTransfer(operation, id: id, at: offset, segments[...], request: request)
      return true
    }
    // Without memory for a list, each entry takes two segments.
    giveBack(id)
    var position = offset
    var rest = segments[...]
    while !rest.isEmpty {
      guard let id = takeID(request: request) else { return false }
      let pair = rest.prefix(2)
      rest = rest.dropFirst(2)
      pushTransfer(operation, id: id, at: position, pair, request: request)
      position += pair.reduce(0) { $0 + UInt64($1.byteCount) }
    }
    return true
  }

  private func pushTransfer(
    _ operation: VextOperation, id: Int, at offset: UInt64, _ segments: ArraySlice<VextSegment>, request: Int
  ) {
    var entry = VextSubmissionEntry(operation: operation.rawValue, id: UInt16(id), offset: offset)
    var byteCount: UInt64 = 0
    for segment in segments { byteCount += UInt64(segment.byteCount) }
    if segments.count <= 2 {
      entry.segment0 = segments[segments.startIndex]
      if segments.count == 2 { entry.segment1 = segments[segments.startIndex + 1] }
    } else {
      entry.flags = .segmentList
      entry.segment0 = writeList(segments, of: id)
    }
    push(entry, id: id, byteCount: byteCount, request: request)
  }

  /// Submits entries on memory of the pool, and copies the bytes from or to the caller's memory.
  private func submitCopied(
    _ operation: VextOperation, at offset: UInt64,
    _ vectors: UnsafeBufferPointer<UnsafeMutableRawBufferPointer>,
    byteCount: Int, request: Int
  ) {
    if operation == .read { requests[request].targets = unsafe CallerBuffers(vectors) }
    var done = 0
    while done < byteCount {
      guard let id = takeID(request: request) else { return }
      guard let bounce = unsafe takeBounce(byteCount: min(byteCount - done, limits.maxTransferByteCount))
      else {
        // The queue failed while this call waited for memory.
        giveBack(id)
        return
      }
      guard let base = bounce.baseAddress,
        let place = unsafe memory.offset(of: base, byteCount: bounce.count)
      else { preconditionFailure("memory of the pool") }
      let limit = list(of: id) ? segmentLimit : min(2, segmentLimit)
      segments.removeAll(keepingCapacity: true)
      var count = 0
      while count < bounce.count {
        let appended = append(place: place + count, byteCount: bounce.count - count)
        if appended == 0 || segments.count > limit {
          if appended > 0 { segments.removeLast() }
          break
        }
        count += appended
      }
      if operation == .write {
        unsafe ScatteredBytes.copy(
          from: vectors, at: done, to: UnsafeMutableRawBufferPointer(rebasing: bounce[..<count]))
      }
      unsafe commands[id].bounce = unsafe bounce
      commands[id].bounceOffset = done
      pushTransfer(operation, id: id, at: offset + UInt64(done), segments[...], request: request)
      done += count
    }
  }

  /// Takes memory for a copy, of up to `byteCount` bytes and at least one block, and waits for it if necessary.
  ///
  /// - Returns: nil if the queue fails.
  private func takeBounce(byteCount: Int) -> UnsafeMutableRawBufferPointer? {
    let block = limits.blockByteCount
    var wanted = min(byteCount, max(Self.bounceByteCount, block))
    while unsafe wanted > reserve.count {
      if let bytes = unsafe pool.take(byteCount: wanted) { return unsafe bytes }
      wanted = unsafe max(wanted / 2 & ~(block - 1), reserve.count)
    }
    while failure == nil {
      if let bytes = unsafe pool.take(byteCount: wanted) { return unsafe bytes }
      if !isReserveInUse {
        isReserveInUse = true
        return unsafe UnsafeMutableRawBufferPointer(rebasing: reserve[..<wanted])
      }
      // The reserve is in use by an entry in flight, whose completion frees it.
      waitForProgress()
    }
    return nil
  }
}
