import SystemPackage
import VextProtocol

extension VextClientQueue {
  /// Adds a request, which counts as in flight until ``endSubmission(_:)``, and returns its index in `requests`.
  func beginRequest() throws(Errno) -> Int {
    if let failure { throw failure }
    let requestIndex: Int
    if let free = freeRequests.popLast() {
      requestIndex = free
    } else {
      requestIndex = requests.count
      requests.append(QueueRequest())
    }
    requests[requestIndex].isActive = true
    requests[requestIndex].remaining = 1
    requests[requestIndex].error = 0
    return requestIndex
  }

  func endSubmission(_ requestIndex: Int) -> VextRequestID {
    requests[requestIndex].remaining -= requests[requestIndex].remaining > 0 ? 1 : 0
    wakeDevice()
    return VextRequestID(index: Int32(requestIndex), generation: requests[requestIndex].generation)
  }

  /// Takes a free id, and waits for one if necessary.
  ///
  /// - Returns: nil if the queue fails; the request's error says why.
  func takeID(request: Int) -> Int? {
    while failure == nil {
      if let id = freeIDs.popLast() { return Int(id) }
      waitForProgress()
    }
    note(failure ?? .ioError, request: request)
    return nil
  }

  func giveBack(_ id: Int) { freeIDs.append(UInt16(id)) }

  /// Submits an entry without data.
  ///
  /// - Returns: false if the queue has failed.
  @discardableResult
  func push(_ entry: VextSubmissionEntry, byteCount: UInt64, request: Int) -> Bool {
    guard let id = takeID(request: request) else { return false }
    push(entry, id: id, byteCount: byteCount, request: request)
    return true
  }

  /// Submits an entry under `id`, which the caller has taken.
  func push(_ entry: VextSubmissionEntry, id: Int, byteCount: UInt64, request: Int) {
    var entry = entry
    entry.id = UInt16(id)
    commands[id].owner = .request(request)
    commands[id].entry = entry
    commands[id].byteCount = byteCount
    requests[request].remaining += 1
    inFlightCount += 1
    entryCount += 1
    submissions.push(entry)
    hasAnnounced = true
  }

  /// Rings the doorbell if the device sleeps and entries were announced since the last call (docs/vext-protocol.md §8.1).
  func wakeDevice() {
    guard hasAnnounced else { return }
    hasAnnounced = false
    guard var device = sleepingDevice else { return }
    let isAsleep = device.noteAnnouncement()
    // At once, with its fence: the caller may do anything before it waits.
    let fellAsleep = device.confirmWake()
    sleepingDevice = device
    guard isAsleep || fellAsleep else { return }
    self.device.registers.store32(VextRegister.queue(index, .doorbell), 1)
  }

  /// Allocates the id's segment list, unless it has one.
  ///
  /// - Returns: whether the id has a list.
  func list(of id: Int) -> Bool {
    guard segmentLimit > 2 else { return false }
    if unsafe commands[id].list == nil {
      unsafe commands[id].list = unsafe pool.takeContiguous(byteCount: Self.listByteCount)
    }
    return unsafe commands[id].list != nil
  }

  /// Writes a segment list (docs/vext-protocol.md §4.4) and returns the segment that contains it.
  func writeList(_ segments: ArraySlice<VextSegment>, of id: Int) -> VextSegment {
    guard let list = unsafe commands[id].list, let base = list.baseAddress,
      let place = unsafe memory.offset(of: base, byteCount: list.count)
    else { preconditionFailure("the list's room was taken before") }
    // SAFETY: the list has room for `segmentLimit` segments, and the device reads it after the entry's release store.
    let words = unsafe VextSharedWords(base: base)
    for (index, segment) in segments.enumerated() {
      unsafe words.store(index * 2, segment.address.rawValue)
      unsafe words.store(index * 2 + 1, UInt64(segment.byteCount))
    }
    return VextSegment(
      address: GuestAddress(memory.map.run(at: place).address),
      byteCount: UInt32(segments.count * VextSegment.encodedByteCount))
  }

  /// Calls `body` for each page that the device may touch for an entry's data.
  func forEachDataPage(of id: Int, _ body: (UnsafeRawPointer) -> Void) {
    let entry = commands[id].entry
    var runs = [entry.segment0, entry.segment1]
    if entry.flags.contains(.segmentList), let list = unsafe commands[id].list,
      let base = list.baseAddress
    {
      let words = unsafe VextSharedWords(base: base)
      runs = (0..<Int(entry.segment0.byteCount) / VextSegment.encodedByteCount).map { index in
        unsafe VextSegment(
          address: GuestAddress(words.load(index * 2)),
          byteCount: UInt32(truncatingIfNeeded: words.load(index * 2 + 1)))
      }
    }
    for run in runs where run.byteCount > 0 {
      var address = run.address.rawValue & ~UInt64(PhysicalMap.pageByteCount - 1)
      let end = run.address.rawValue + UInt64(run.byteCount)
      while address < end {
        if let offset = memory.map.offset(of: address) { unsafe body(memory.base + offset) }
        address += UInt64(PhysicalMap.pageByteCount)
      }
    }
  }
}
