import CLinux
import Glibc
import HostSystem
import SystemPackage

/// The io_uring engine of a ``BlockEngine``.
///
/// It uses registered files and buffers if there are any, and lets the kernel discard and zero ranges asynchronously.
struct RingEngine: ~Copyable {
  private var ring: IOUring
  private var ranges: RingRangeTable
  private var registrations = RingRegistrations()
  /// The registrations of each queue's disk and memory, indexed by the upper half of the queue's tokens.
  private var places: ContiguousArray<RegisteredResources> = []

  /// Marks the token of a range, whose other bits are an index in the table of ranges; no queue's token has this bit.
  private static let rangeBit: UInt64 = 1 << 63

  init(capacity: Int, completionEvent: Int32?) throws(Errno) {
    let ring = try IOUring(capacity: capacity, eventDescriptor: completionEvent)
    let ranges = try RingRangeTable(capacity: capacity)
    self.ring = ring
    self.ranges = ranges
  }

  var room: Int { ring.room }

  var hasUnsubmitted: Bool { ring.queuedRequestCount > 0 }

  // MARK: Registration

  /// Registers a disk, and a machine's memory if given, as far as the host allows it, until the engine's end.
  mutating func register(disk: DiskImage, memory: GuestMemory?) {
    registrations.add(disk: disk, to: &ring)
    if let memory { registrations.add(memory: memory, to: &ring) }
  }

  /// Looks up the registrations of the disk and memory that requests of the queue at `queueIndex` use.
  mutating func attach(queueIndex: Int, disk: DiskHandle, memory: GuestMemory) {
    while places.count <= queueIndex { places.append(RegisteredResources()) }
    places[queueIndex] = registrations.place(disk: disk, memory: memory)
  }

  /// Undoes ``attach(queueIndex:disk:memory:)``.
  mutating func detach(queueIndex: Int) {
    if queueIndex < places.count { places[queueIndex] = RegisteredResources() }
  }

  // MARK: Requests

  /// Enqueues one request. ``room`` must not be 0.
  @inline(__always)
  mutating func enqueue(
    _ operation: BlockOperation, on disk: DiskHandle, vectors: IOVectors, offset: UInt64, byteCount: UInt64,
    token: UInt64
  ) {
    precondition(token < Self.rangeBit, "the highest bit of a token is the engine's")
    let queueIndex = Int(truncatingIfNeeded: token &>> 32)
    let place = queueIndex < places.count ? places[queueIndex] : RegisteredResources()
    let file = place.file(disk)
    switch operation {
    case .read: transfer(.read, file, place, vectors, offset, token)
    case .write: transfer(.write, file, place, vectors, offset, token)
    case .durableWrite: transfer(.durableWrite, file, place, vectors, offset, token)
    case .flush: ring.enqueueFlush(file: file, token: token)
    case .discard, .writeZeroes:
      let change: IOUring.RangeChange = operation == .discard ? .punchHole : .zero
      let range = ranges.add(
        RingRange(token: token, offset: offset, byteCount: byteCount, file: file, change: change))
      ring.enqueueRange(
        change, file: file, offset: offset, byteCount: byteCount, token: Self.rangeBit | UInt64(range))
    }
  }

  @inline(__always)
  private mutating func transfer(
    _ direction: IOUring.Direction, _ file: IOUringFile, _ place: RegisteredResources,
    _ vectors: IOVectors, _ offset: UInt64, _ token: UInt64
  ) {
    if vectors.count == 1 {
      let run = vectors[0]
      if ring.enqueue(
        direction, file: file, run: run, offset: offset, registeredAt: place.buffer(run), token: token)
      {
        return
      }
    }
    ring.enqueue(direction, file: file, vectors: vectors, offset: offset, token: token)
  }

  /// Submits the enqueued requests to the kernel with one system call.
  mutating func submit() { ring.submit() }

  /// Returns the next completion, or nil; makes no system call.
  @inline(__always)
  mutating func reap() -> AIOCompletion? {
    while let completion = ring.reap() {
      if completion.token < Self.rangeBit { return completion }
      if let finished = finishRange(completion) { return finished }
    }
    return nil
  }

  /// Translates the completion of a range for its queue: the result is the number of bytes of the range.
  ///
  /// - Returns: nil if the range is tried in another way: a file system that cannot zero a range (tmpfs) can free its
  ///   blocks, which also makes them read as zero.
  private mutating func finishRange(_ completion: AIOCompletion) -> AIOCompletion? {
    let index = Int(truncatingIfNeeded: completion.token & ~Self.rangeBit)
    let range = ranges[index]
    let isUnsupported = completion.result == -Int64(EOPNOTSUPP) && range.change == .zero
    if isUnsupported || completion.result == -Int64(EINTR) {
      if isUnsupported { ranges[index].change = .punchHole }
      ring.enqueueRange(
        ranges[index].change, file: range.file, offset: range.offset, byteCount: range.byteCount,
        token: completion.token)
      // At once, because the thread may be about to sleep.
      ring.submit()
      return nil
    }
    ranges.remove(index)
    let result = completion.result < 0 ? completion.result : Int64(truncatingIfNeeded: range.byteCount)
    return AIOCompletion(token: range.token, result: result)
  }
}
