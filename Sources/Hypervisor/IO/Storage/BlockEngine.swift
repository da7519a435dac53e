import CLinux
import Glibc
public import HostSystem
public import SystemPackage

/// The state of a request after its start.
@frozen
public enum BlockStart {
  /// The request is done: number of bytes moved, or -errno.
  case finished(Int64)
  /// The request is in flight: ``BlockEngine/reap()`` will return its completion.
  case pending
}

/// Moves bytes between disks and memory for one I/O thread. That thread only.
///
/// Discard and write-zeroes are fallocate(2) calls. With `sync` the I/O thread makes them itself, with `io_uring` a thread of the
/// kernel does. `libaio` has no asynchronous form of them, nor of transfers through the page cache: with `offloads` a
/// `BlockingThreads` carries out ranges and large transfers, otherwise the I/O thread does.
///
/// Requests on a qcow image are carried out by threads of the image, whatever the engine, except that `null` moves nothing.
public struct BlockEngine: ~Copyable {
  /// The engine's kind.
  public let kind: BlockEngineKind
  /// Number of requests in flight.
  public private(set) var inFlight = 0
  /// Number of bytes that the thread itself has moved since the last ``submit()``.
  private var spentByteCount: UInt64 = 0
  /// What was started in this turn: bytes, with ``MachineShares/requestCost`` for each request.
  private(set) var turnCost = 0
  /// What may be started in this turn, in the same unit.
  private var turnCredit = Int.max
  /// Maximum of ``inFlight`` in this turn.
  private var turnDepth = Int.max
  /// Number of requests started since the last submission.
  private var queued = 0
  private var context: AIOContext?
  private var ring: RingEngine?
  private var memory: MemoryTransfers?
  private let capacity: Int
  private var blockingThreads: BlockingThreads?
  /// Number of requests that ``blockingThreads`` and the threads of images have.
  private var offloadedCount = 0
  private let completions: BlockingCompletions
  #if InjectSlowdown
    private var slowdown = InjectedSlowdown()
  #endif

  /// Number of bytes after which a thread that moves them itself must let other queues have their turn.
  private static let passByteLimit: UInt64 = 16 << 20

  /// What a discard or a zeroed range counts, in bytes, whatever its length.
  private static let rangeCost = 1 << 20

  /// Number of bytes from which on a blocking thread moves a transfer through the page cache: about a millisecond's worth.
  private static let offloadByteCount: UInt64 = 4 << 20

  /// Maximum number of requests in one submitting system call.
  ///
  /// A larger batch saves system calls, but the device starts the first request later and completes requests in bursts,
  /// between which the guest and the I/O thread wait for each other.
  private static let submissionBatch = 2

  /// Makes an engine for up to `capacity` requests in flight.
  ///
  /// - Parameters:
  ///   - completionEvent: an eventfd that each completion of a pending request signals, except those of ``mustPoll``; open as
  ///     long as the engine lives.
  ///   - offloads: whether `libaio` leaves to a thread what would block the caller.
  public init(
    kind: BlockEngineKind, capacity: Int, completionEvent: Int32? = nil, offloads: Bool = false
  ) throws(Errno) {
    self.kind = kind
    self.capacity = capacity
    completions = BlockingCompletions(capacity: capacity, event: completionEvent)
    switch kind {
    case .libaio:
      context = try AIOContext(capacity: capacity, eventDescriptor: completionEvent)
      if offloads {
        blockingThreads = try BlockingThreads(name: "io-blocking", threadCount: 1, capacity: capacity)
      }
    case .ioUring: ring = try RingEngine(capacity: capacity, completionEvent: completionEvent)
    case .memory: memory = try MemoryTransfers(capacity: capacity)
    case .sync, .null: break
    }
  }

  /// Waits for the requests that other threads have, because they use the callers' memory.
  deinit {
    var count = offloadedCount
    while count > 0 {
      if completions.take() == nil { HostClock.sleep(nanoseconds: 100_000) } else { count -= 1 }
    }
  }

  /// Registers a disk, and a machine's memory if given, with the kernel for `io_uring`.
  ///
  /// Does nothing with another engine, or if the host does not allow it. Registrations last until the engine's end. The
  /// memory stays resident, so that no balloon may discard parts of it.
  public mutating func register(disk: DiskImage, memory: GuestMemory?) {
    ring?.register(disk: disk, memory: memory)
  }

  /// Lets requests of the queue at `queueIndex` (in their tokens the upper 32 bits) use the registrations of this disk and memory.
  ///
  /// Before this call and after ``detach(queueIndex:)`` they use none.
  public mutating func attach(queueIndex: Int, disk: DiskHandle, memory: GuestMemory) {
    ring?.attach(queueIndex: queueIndex, disk: disk, memory: memory)
  }

  /// Undoes ``attach(queueIndex:disk:memory:)``.
  public mutating func detach(queueIndex: Int) { ring?.detach(queueIndex: queueIndex) }

  /// Whether the thread itself has moved so much that queues must not take requests before ``submit()``.
  @inline(__always)
  var hasMovedMuch: Bool { spentByteCount >= Self.passByteLimit }

  /// Whether the queue whose turn it is must take no more requests.
  @inline(__always)
  public var isSpent: Bool { hasMovedMuch || turnCost >= turnCredit }

  /// Begins the turn of a queue, until the next one's or ``submit()``; without this call a turn has no limits of its own.
  ///
  /// - Parameters:
  ///   - credit: bytes that the queue may start, with ``MachineShares/requestCost`` for each request.
  ///   - room: number of requests that it may add to those in flight.
  @inline(__always)
  mutating func beginTurn(credit: Int, room: Int) {
    turnCost = 0
    turnCredit = credit
    let (depth, overflow) = inFlight.addingReportingOverflow(room)
    turnDepth = overflow ? .max : depth
  }

  /// Whether the kernel refused requests for now (EAGAIN); ``submit()`` tries again.
  public var hasUnsubmitted: Bool {
    switch ring {
    case .some(let ring): return ring.hasUnsubmitted
    case .none: break
    }
    switch context {
    case .some(let context): return context.queuedRequestCount > 0
    case .none: return false
    }
  }

  /// Whether a request is in flight whose completion signals no eventfd, so that the thread must call ``reap()``.
  ///
  /// With `libaio` through the page cache, the submission itself moves the bytes, and the completions are in the ring when
  /// it returns.
  public var mustPoll: Bool {
    switch context {
    case .some(let context): return context.unsignalledCount > 0
    case .none: return false
    }
  }

  /// Number of further requests that ``start(_:on:vectors:offset:byteCount:token:)`` accepts now.
  public var room: Int {
    let turn = turnDepth &- inFlight
    // By kind, so that engines that finish each request at its start read nothing else: queues ask before each batch.
    switch kind {
    case .null, .sync: return turn
    case .memory: return max(min(capacity &- inFlight, turn), 0)
    case .ioUring, .libaio: break
    }
    switch ring {
    case .some(let ring): return min(ring.room, turn)
    case .none: break
    }
    switch context {
    case .some(let context): return max(min(context.room &- offloadedCount, turn), 0)
    case .none: return turn
    }
  }

  /// Whether there is room for `count` requests on `disk`: the threads of an image that is not raw take any number.
  func hasRoom(for count: Int, on disk: DiskHandle) -> Bool { disk.isFormatted || room >= count }

  /// Starts one request. ``room`` must not be 0.
  ///
  /// - Parameters:
  ///   - vectors: host memory of the data; vectors and memory stay valid until the request is done.
  ///   - offset: position on the disk in bytes.
  ///   - byteCount: number of bytes of all vectors, or of the range to discard or zero.
  ///   - token: less than 2^63; ``reap()`` returns it if the request is pending.
  public mutating func start(
    _ operation: BlockOperation, on disk: DiskHandle, vectors: IOVectors, offset: UInt64, byteCount: UInt64,
    token: UInt64
  ) -> BlockStart {
    count(operation, byteCount)
    if disk.isFormatted, kind != .null {
      let request = request(
        operation, on: disk, vectors: vectors, offset: offset, byteCount: byteCount,
        token: token)
      disk.startFormatted(request)
      return noteOffloaded()
    }
    switch kind {
    case .null:
      #if InjectSlowdown
        slowdown.delay()
      #endif
      return .finished(Int64(byteCount))
    case .memory:
      spend(operation, byteCount)
      guard operation.movesBytes, let run = disk.memory(at: offset, byteCount: byteCount) else {
        return .finished(MemoryDisk.perform(operation, on: disk, offset: offset, byteCount: byteCount))
      }
      memory?.start(
        isRead: operation == .read, disk: run, vectors: vectors, byteCount: byteCount, token: token)
      inFlight &+= 1
      return .pending
    case .sync:
      spend(operation, byteCount)
      return .finished(
        Self.perform(
          operation, on: disk, vectors: vectors, offset: offset,
          byteCount: byteCount))
    case .ioUring:
      ring?.enqueue(
        operation, on: disk, vectors: vectors, offset: offset, byteCount: byteCount,
        token: token)
      return queue()
    case .libaio: break
    }
    if offload(
      operation, on: disk, vectors: vectors, offset: offset, byteCount: byteCount,
      token: token)
    {
      return .pending
    }
    switch operation {
    case .read:
      context?.enqueueRead(
        descriptor: disk.descriptor, vectors: vectors, offset: offset, token: token,
        signals: disk.isDirect)
    case .write:
      context?.enqueueWrite(
        descriptor: disk.descriptor, vectors: vectors, offset: offset, token: token,
        signals: disk.isDirect)
    case .durableWrite:
      context?.enqueueWrite(
        descriptor: disk.descriptor, vectors: vectors, offset: offset, token: token,
        isDurable: true, signals: disk.isDirect)
    case .flush: context?.enqueueFlush(descriptor: disk.descriptor, token: token)
    case .discard, .writeZeroes:
      spend(operation, byteCount)
      return .finished(
        Self.perform(
          operation, on: disk, vectors: vectors, offset: offset,
          byteCount: byteCount))
    }
    return queue()
  }

  @inline(__always)
  private mutating func count(_ operation: BlockOperation, _ byteCount: UInt64) {
    let bytes =
      switch operation {
      case .read, .write, .durableWrite: Int(truncatingIfNeeded: byteCount)
      case .flush: 0
      case .discard, .writeZeroes: Self.rangeCost
      }
    turnCost = turnCost &+ bytes &+ MachineShares.requestCost
  }

  /// Leaves a request to the blocking threads if it would block this thread for long; otherwise counts what this thread will move itself.
  ///
  /// - Returns: whether the threads have it.
  @inline(__always)
  private mutating func offload(
    _ operation: BlockOperation, on disk: DiskHandle, vectors: IOVectors, offset: UInt64, byteCount: UInt64,
    token: UInt64
  ) -> Bool {
    switch operation {
    case .read, .write, .durableWrite:
      if disk.isDirect { return false }
      guard byteCount >= Self.offloadByteCount, blockingThreads != nil else {
        spentByteCount &+= byteCount
        return false
      }
    case .flush: return false
    case .discard, .writeZeroes: if blockingThreads == nil { return false }
    }
    blockingThreads?.start(
      request(
        operation, on: disk, vectors: vectors, offset: offset, byteCount: byteCount,
        token: token))
    _ = noteOffloaded()
    return true
  }

  private func request(
    _ operation: BlockOperation, on disk: DiskHandle, vectors: IOVectors, offset: UInt64, byteCount: UInt64,
    token: UInt64
  ) -> BlockingThreads.Request {
    BlockingThreads.Request(
      operation: operation, disk: disk, vectors: vectors, offset: offset,
      byteCount: byteCount, token: token, completions: completions)
  }

  private mutating func noteOffloaded() -> BlockStart {
    offloadedCount &+= 1
    inFlight &+= 1
    return .pending
  }

  @inline(__always)
  private mutating func queue() -> BlockStart {
    inFlight &+= 1
    queued &+= 1
    if queued >= Self.submissionBatch { submitQueued() }
    return .pending
  }

  /// Discards or zeroes a range on this thread, with every engine. For use when there is no ``room``.
  ///
  /// - Returns: number of bytes of the range, or -errno.
  public mutating func performRange(
    _ operation: BlockOperation, on disk: DiskHandle, offset: UInt64, byteCount: UInt64
  ) -> Int64 {
    count(operation, byteCount)
    guard kind != .null else { return Int64(truncatingIfNeeded: byteCount) }
    spend(operation, byteCount)
    if kind == .memory {
      return MemoryDisk.perform(operation, on: disk, offset: offset, byteCount: byteCount)
    }
    return Self.perform(
      operation, on: disk, vectors: IOVectors(), offset: offset, byteCount: byteCount)
  }

  /// Submits the requests that were started since the last call to the kernel, with one system call.
  public mutating func submit() {
    spentByteCount = 0
    beginTurn(credit: .max, room: .max)
    if inFlight > 0 { submitQueued() }
  }

  private mutating func submitQueued() {
    if kind == .ioUring { ring?.submit() } else { context?.submit() }
    queued = 0
  }

  /// Records work that the thread did itself. One range ends a pass, because the time to zero it depends on the disk.
  private mutating func spend(_ operation: BlockOperation, _ byteCount: UInt64) {
    spentByteCount &+= operation.movesBytes ? byteCount : Self.passByteLimit
  }

  /// Returns the next completion, or nil; makes no system call if the layout of the kernel's ring is known.
  public mutating func reap() -> AIOCompletion? {
    guard inFlight > 0 else { return nil }
    if offloadedCount > 0, let completion = completions.take() {
      offloadedCount &-= 1
      inFlight &-= 1
      return completion
    }
    let completion =
      switch kind {
      case .ioUring: ring?.reap()
      case .memory: memory?.next()
      case .libaio, .sync, .null: context?.reap()
      }
    if completion != nil { inFlight &-= 1 }
    return completion
  }

  /// Zeroes a range and keeps its blocks; if the file system cannot (tmpfs), frees them, which also makes them read as zero.
  private static func zero(_ descriptor: Int32, _ offset: Int64, _ byteCount: Int64) -> Int64 {
    let result = linux_zero_range(descriptor, offset, byteCount)
    return result == -Int64(EOPNOTSUPP) ? linux_punch_hole(descriptor, offset, byteCount) : result
  }

  /// Carries a request out on the calling thread.
  ///
  /// - Returns: number of bytes moved or of the range, or -errno.
  static func perform(
    _ operation: BlockOperation, on disk: DiskHandle, vectors: IOVectors, offset: UInt64, byteCount: UInt64
  ) -> Int64 {
    if disk.isFormatted {
      return disk.performFormatted(operation, vectors: vectors, offset: offset, byteCount: byteCount)
    }
    let position = Int64(truncatingIfNeeded: offset)
    let length = Int64(truncatingIfNeeded: byteCount)
    while true {
      let result =
        switch operation {
        case .read: vectors.read(from: disk.descriptor, at: position)
        case .write: vectors.write(to: disk.descriptor, at: position)
        case .durableWrite: vectors.writeDurably(to: disk.descriptor, at: position)
        case .flush: linux_fdatasync(disk.descriptor)
        case .discard: linux_punch_hole(disk.descriptor, position, length)
        case .writeZeroes: zero(disk.descriptor, position, length)
        }
      if result == -Int64(EINTR) { continue }
      return result < 0 || operation.movesBytes ? result : length
    }
  }
}
