import Glibc

/// One virtqueue of a block device as an I/O thread serves it, from DRIVER_OK to reset.
///
/// The thread that it is attached to is the only one that touches it. ``drain(engine:limit:)`` takes requests from the ring and
/// starts them, ``complete(request:result:)`` answers those that the engine had, and ``notifyDriver()`` tells the driver.
final class VirtioBlockDeviceQueue: IOQueue, @unchecked Sendable {
  let disk: DiskHandle
  let memory: GuestMemory
  let share: DiskShare
  private let port: any VirtqueuePort
  /// Keeps the disk open.
  private let image: DiskImage
  private let cache: VirtioBlockCache
  private let activity: DiskActivity
  private let requests: VirtioBlockRequestTable
  private let identity: [UInt8]
  private var ring: Virtqueue
  private var tokenBase: UInt64 = 0
  private var underWay = 0
  private(set) var takenCount: UInt64 = 0
  private var hasStopped = false
  /// Where requests in flight are noted for a successor; nil: nowhere.
  private let inflight: VhostInflightQueue?
  /// Heads that a predecessor took and did not answer, the next one last.
  private var remains: [UInt16]

  /// - Parameters:
  ///   - chainLimit: the most descriptors of a chain that are accepted.
  ///   - inflight: notes requests in flight.
  ///   - remains: heads that a predecessor took and did not answer, in the order in which it took them.
  init(
    _ ring: Virtqueue, port: any VirtqueuePort, disk: DiskImage, cache: VirtioBlockCache,
    activity: DiskActivity, memory: GuestMemory, chainLimit: Int, share: DiskShare = DiskShare(),
    inflight: VhostInflightQueue? = nil, remains: [UInt16] = []
  ) {
    self.ring = ring
    self.port = port
    self.share = share
    self.inflight = inflight
    self.remains = remains.reversed()
    image = disk
    self.cache = cache
    self.activity = activity
    self.disk = disk.handle
    self.memory = memory
    requests = VirtioBlockRequestTable(size: Int(ring.size), chainLimit: chainLimit)
    let padding = [UInt8](repeating: 0, count: VirtioBlockProtocol.identityByteCount)
    identity = Array((disk.identity + padding).prefix(padding.count))
  }

  var notificationDescriptor: Int32? { port.doorbellDescriptor }

  /// The index of the next entry of the available ring; once no thread serves the queue.
  var availableIndex: UInt16 { ring.availableIndex }

  var inFlight: Int { underWay }

  func begin(token: UInt64, polling: Bool) {
    tokenBase = token
    if polling { ring.suppressNotifications() } else { _ = ring.requestNotifications() }
  }

  func drain(engine: inout BlockEngine, limit: Int) -> Int {
    guard !hasStopped else { return 0 }
    var ring = self.ring
    let hasRemains = !remains.isEmpty
    var taken = 0
    var started = 0
    do throws(VirtqueueError) {
      // The room is checked each time: a request of several ranges may take that of several.
      while taken < limit, engine.room > 0, !engine.isSpent,
        let head = try hasRemains ? takeRemains(&ring) : ring.takeHead()
      {
        taken &+= 1
        if try start(head, &ring, &engine) { started &+= 1 }
      }
    } catch {
      hasStopped = true
      port.fail(error)
    }
    if taken > 0 { ring.suppressNotifications() }
    takenCount &+= UInt64(taken)
    self.ring = ring
    underWay &+= started
    return taken
  }

  func complete(request number: UInt32, result: Int64) {
    guard requests.isUnderWay(number) else { return }
    let head = UInt16(truncatingIfNeeded: number)
    var request = requests[head]
    let isLastPart = request.take(result)
    requests[head] = request
    guard isLastPart else { return }
    underWay &-= 1
    activity.finish(startedAt: request.startTicks)
    answer(head, request, &ring)
  }

  func notifyDriver() -> Bool {
    let wantsInterrupt = ring.publish()
    inflight?.published(usedIndex: ring.usedIndex)
    if wantsInterrupt { port.interrupt() }
    return false
  }

  /// The virtqueue's own fence leaves nothing open.
  func confirmWake() {}

  func prepareToSleep() -> Bool {
    // In this order: a notification after this wakes the thread, and the chain of one before it is seen below.
    port.drainNotification()
    return hasStopped || (remains.isEmpty && ring.requestNotifications())
  }

  /// The first chain that is taken suppresses notifications: until then they do no harm.
  func didWake() {}

  /// ``prepareToSleep()`` does it.
  func drainNotification() {}

  /// The next head: one that a predecessor left, as long as there are any.
  private func takeRemains(_ ring: inout Virtqueue) throws(VirtqueueError) -> UInt16? {
    if let head = remains.popLast() { return head }
    return try ring.takeHead()
  }

  // MARK: The life of one request

  /// Starts the request at `head`, or answers it at once.
  ///
  /// - Returns: whether the engine has it now.
  /// - Throws: where there is no way to answer, or the head is one that the engine has.
  @inline(__always)
  private func start(
    _ head: UInt16, _ ring: inout Virtqueue, _ engine: inout BlockEngine
  ) throws(VirtqueueError) -> Bool {
    guard !requests[head].isUnderWay else { throw .headInFlight(head) }
    inflight?.begin(head)
    switch try requests.take(head, from: ring, disk: disk) {
    case .read(let offset, let data):
      // The data and the status.
      let written = UInt32(truncatingIfNeeded: data.byteCount &+ 1)
      return begin(.read, data, at: offset, of: head, writtenByteCount: written, &ring, &engine)
    case .write(let offset, let data):
      return begin(cache.isWriteBack ? .write : .durableWrite, data, at: offset, of: head, &ring, &engine)
    case .flush: return begin(.flush, of: head, &ring, &engine)
    case .discard(let data): return beginRanges(.discard, data, of: head, &ring, &engine)
    case .writeZeroes(let data): return beginRanges(.writeZeroes, data, of: head, &ring, &engine)
    case .identify(let data):
      let count = requests.copy(identity, to: data, head: head)
      answer(head, .ok, writtenByteCount: UInt32(truncatingIfNeeded: count) &+ 1, &ring)
      return false
    case .refused(let status):
      answer(head, status, &ring)
      return false
    }
  }

  /// Hands the request at `head` to the engine; answers one that moves nothing, or that the engine has done at once.
  ///
  /// - Returns: whether the engine has it now.
  @inline(__always)
  private func begin(
    _ operation: BlockOperation, _ data: VirtioBlockData = .none, at offset: UInt64 = 0, of head: UInt16,
    writtenByteCount: UInt32 = 1, _ ring: inout Virtqueue, _ engine: inout BlockEngine
  ) -> Bool {
    var request = VirtioBlockSlot(byteCount: data.byteCount, writtenByteCount: writtenByteCount)
    if data.byteCount == 0, operation != .flush {
      answer(head, request, &ring)
      return false
    }
    request.startTicks = activity.begin(operation, byteCount: data.byteCount)
    let start = engine.start(
      operation, on: disk, vectors: requests.vectors(of: data, head: head), offset: offset,
      byteCount: data.byteCount, token: token(of: head))
    switch start {
    case .finished(let result):
      activity.finish(startedAt: request.startTicks)
      request.result = result
      answer(head, request, &ring)
      return false
    case .pending:
      request.partCount = 1
      requests[head] = request
      return true
    }
  }

  /// Copies the ranges of the DISCARD or WRITE_ZEROES request at `head` from `data`, checks all of them, and changes the
  /// disk only if each is sound.
  ///
  /// - Returns: whether the engine has it now; otherwise it is answered.
  private func beginRanges(
    _ operation: BlockOperation, _ data: VirtioBlockData, of head: UInt16, _ ring: inout Virtqueue,
    _ engine: inout BlockEngine
  ) -> Bool {
    var rest = data
    var ranges = InlineArray<16, VirtioBlockRange>(repeating: VirtioBlockRange())
    let count = Int(data.byteCount / VirtioBlockProtocol.rangeByteCount)
    do throws(VirtioBlockStatus) {
      for place in 0..<count {
        let words = requests.takeWords(of: &rest, head: head)
        ranges[place] = try VirtioBlockRange(words: words, operation: operation, disk: disk)
      }
    } catch {
      answer(head, error, &ring)
      return false
    }
    var request = VirtioBlockSlot(byteCount: 0, writtenByteCount: 1)
    request.startTicks = activity.begin(.discard, byteCount: 0)
    // The engine may be nearly full: what it has no room for is done here and now.
    let fits = engine.hasRoom(for: count, on: disk)
    for place in 0..<count where ranges[place].byteCount > 0 && request.result >= 0 {
      let range = ranges[place]
      request.byteCount &+= range.byteCount
      let start =
        fits
        ? engine.start(
          range.operation, on: disk, vectors: IOVectors(), offset: range.offset, byteCount: range.byteCount,
          token: token(of: head))
        : .finished(
          engine.performRange(range.operation, on: disk, offset: range.offset, byteCount: range.byteCount))
      switch start {
      case .finished(let result): request.note(result)
      case .pending: request.partCount &+= 1
      }
    }
    requests[head] = request
    if request.isUnderWay { return true }
    activity.finish(startedAt: request.startTicks)
    answer(head, request, &ring)
    return false
  }

  /// Answers the request at `head` with what the engine made of it: bytes moved, or -errno.
  @inline(__always)
  private func answer(_ head: UInt16, _ request: VirtioBlockSlot, _ ring: inout Virtqueue) {
    if request.result >= 0, UInt64(request.result) == request.byteCount {
      answer(head, .ok, writtenByteCount: request.writtenByteCount, &ring)
    } else {
      answer(head, request.result == -Int64(EOPNOTSUPP) ? .unsupported : .ioError, &ring)
    }
  }

  @inline(__always)
  private func answer(
    _ head: UInt16, _ status: VirtioBlockStatus, writtenByteCount: UInt32 = 1, _ ring: inout Virtqueue
  ) {
    requests.store(status, of: head)
    ring.putUsed(head: head, byteCount: writtenByteCount)
    inflight?.end(head)
  }

  @inline(__always)
  private func token(of head: UInt16) -> UInt64 { tokenBase | UInt64(head) }
}
