public import CLinux
import Glibc
public import HostSystem
public import SystemPackage

/// What became of a request that was started.
@frozen
public enum BlockStart {
  /// Done: the bytes moved, or -errno.
  case finished(Int64)
  /// Under way: ``BlockEngine/reap()`` will return it.
  case pending
}

/// Moves bytes between disks and memory on behalf of one I/O thread, which is the only one that may call it.
///
/// Discard and write-zeroes are fallocate calls. The I/O thread makes them itself with `libaio`, which has no
/// asynchronous form of them, and with `sync`; with `io_uring` a thread of the kernel's does.
public struct BlockEngine: ~Copyable {
  /// Which engine this is.
  public let kind: BlockEngineKind
  /// Requests under way.
  public private(set) var inFlight = 0
  /// Bytes that the thread itself has moved since the last ``submit()``.
  private var spentByteCount: UInt64 = 0
  /// Requests started since the last submission.
  private var queued = 0
  private var context: AIOContext?
  private var ring: RingEngine?
  #if InjectSlowdown
    private var slowdown = InjectedSlowdown()
  #endif

  /// After this many bytes moved by the thread itself, the others' turn has come.
  private static let passByteLimit: UInt64 = 16 << 20

  /// Requests handed to the kernel with one system call at most. A larger batch saves system calls, but the device
  /// starts its first request later and then answers in bursts: between them both sides wait for each other.
  private static let submissionBatch = 2

  /// An engine for up to `capacity` requests under way.
  ///
  /// - Parameter completionEvent: an eventfd that is signalled when a pending request completes, but see ``mustPoll``.
  public init(kind: BlockEngineKind, capacity: Int, completionEvent: Int32? = nil) throws(Errno) {
    self.kind = kind
    switch kind {
    case .libaio: context = try AIOContext(capacity: capacity, eventDescriptor: completionEvent)
    case .ioUring: ring = try RingEngine(capacity: capacity, completionEvent: completionEvent)
    case .sync, .null: break
    }
  }

  /// Registers a disk, and a machine's memory, with the kernel where the engine knows such a thing (`io_uring`) and the host
  /// allows it. Both are kept until the engine's end; the memory stays resident, so that nobody may discard parts of it.
  public mutating func register(disk: DiskImage, memory: GuestMemory?) {
    ring?.register(disk: disk, memory: memory)
  }

  /// Tells whose disk and memory the requests with tokens of `slot` (the upper 32 bits) are about. Until then, and after
  /// ``detach(slot:)``, nothing that was registered is used for them.
  public mutating func attach(slot: Int, disk: DiskHandle, memory: GuestMemory) {
    ring?.attach(slot: slot, disk: disk, memory: memory)
  }

  /// Forgets what ``attach(slot:disk:memory:)`` told.
  public mutating func detach(slot: Int) { ring?.detach(slot: slot) }

  /// Whether the thread has worked long enough itself, so that queues take nothing more before ``submit()``.
  @inline(__always)
  public var isSpent: Bool { spentByteCount >= Self.passByteLimit }

  /// Whether the kernel has not taken requests yet (EAGAIN): ``submit()`` tries again.
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

  /// Whether a request is under way that does not signal the eventfd when it completes: who waits must look.
  ///
  /// Through the page cache (`libaio`) the submission itself moves the bytes, and its completions are there when it
  /// returns.
  public var mustPoll: Bool {
    switch context {
    case .some(let context): return context.unsignalledCount > 0
    case .none: return false
    }
  }

  /// How many more requests ``start(_:on:vectors:vectorCount:offset:byteCount:token:)`` takes now.
  public var room: Int {
    switch ring {
    case .some(let ring): return ring.room
    case .none: break
    }
    switch context {
    case .some(let context): return context.room
    case .none: return .max
    }
  }

  /// Starts one request. Needs ``room``.
  ///
  /// - Parameters:
  ///   - vectors: host memory of the data; vectors and memory stay valid until the request is done.
  ///   - byteCount: bytes of the vectors together, or of the range to discard or zero.
  ///   - token: below 2^63; returned by ``reap()`` where the request is pending.
  public mutating func start(
    _ operation: BlockOperation, on disk: DiskHandle, vectors: UnsafePointer<iovec>, vectorCount: Int,
    offset: UInt64, byteCount: UInt64, token: UInt64
  ) -> BlockStart {
    switch kind {
    case .null:
      #if InjectSlowdown
        slowdown.delay()
      #endif
      return .finished(Int64(byteCount))
    case .sync:
      spend(operation, byteCount)
      return unsafe .finished(
        Self.perform(
          operation, on: disk, vectors: vectors, vectorCount: vectorCount, offset: offset,
          byteCount: byteCount))
    case .ioUring:
      unsafe ring?.enqueue(
        operation, on: disk, vectors: vectors, vectorCount: vectorCount, offset: offset, byteCount: byteCount,
        token: token)
      return queue()
    case .libaio: break
    }
    switch operation {
    case .read:
      unsafe context?.enqueueRead(
        descriptor: disk.descriptor, vectors: vectors, vectorCount: vectorCount, offset: offset, token: token,
        signals: disk.isDirect)
    case .write:
      unsafe context?.enqueueWrite(
        descriptor: disk.descriptor, vectors: vectors, vectorCount: vectorCount, offset: offset, token: token,
        signals: disk.isDirect)
    case .durableWrite:
      unsafe context?.enqueueWrite(
        descriptor: disk.descriptor, vectors: vectors, vectorCount: vectorCount, offset: offset, token: token,
        isDurable: true, signals: disk.isDirect)
    case .flush: context?.enqueueFlush(descriptor: disk.descriptor, token: token)
    case .discard, .writeZeroes:
      spend(operation, byteCount)
      return unsafe .finished(
        Self.perform(
          operation, on: disk, vectors: vectors, vectorCount: vectorCount, offset: offset,
          byteCount: byteCount))
    }
    return queue()
  }

  @inline(__always)
  private mutating func queue() -> BlockStart {
    inFlight &+= 1
    queued &+= 1
    if queued >= Self.submissionBatch { submitQueued() }
    return .pending
  }

  /// Discards or zeroes a range now, which the thread does itself in every engine: where there is no ``room``.
  ///
  /// - Returns: the bytes of the range, or -errno.
  public mutating func performRange(
    _ operation: BlockOperation, on disk: DiskHandle, offset: UInt64, byteCount: UInt64
  ) -> Int64 {
    guard kind != .null else { return Int64(truncatingIfNeeded: byteCount) }
    spend(operation, byteCount)
    var noData = unsafe iovec()
    return unsafe Self.perform(
      operation, on: disk, vectors: &noData, vectorCount: 0, offset: offset, byteCount: byteCount)
  }

  /// Hands the requests started since the last call to the kernel, in one system call.
  public mutating func submit() {
    spentByteCount = 0
    if inFlight > 0 { submitQueued() }
  }

  private mutating func submitQueued() {
    if kind == .ioUring { ring?.submit() } else { context?.submit() }
    queued = 0
  }

  /// Notes work of the thread's own. How long a range takes to zero depends on the disk: one is enough for a pass.
  private mutating func spend(_ operation: BlockOperation, _ byteCount: UInt64) {
    spentByteCount &+= operation.movesBytes ? byteCount : Self.passByteLimit
  }

  /// The next request that is done, or nil; without a system call as long as the kernel's ring is of the known form.
  public mutating func reap() -> AIOCompletion? {
    guard inFlight > 0 else { return nil }
    guard let completion = kind == .ioUring ? ring?.reap() : context?.reap() else { return nil }
    inFlight &-= 1
    return completion
  }

  /// Zeroes a range and keeps its blocks, or, where the file system cannot (tmpfs), gives them back: they then read as
  /// zero too.
  private static func zero(_ descriptor: Int32, _ offset: Int64, _ byteCount: Int64) -> Int64 {
    let result = linux_zero_range(descriptor, offset, byteCount)
    return result == -Int64(EOPNOTSUPP) ? linux_punch_hole(descriptor, offset, byteCount) : result
  }

  private static func perform(
    _ operation: BlockOperation, on disk: DiskHandle, vectors: UnsafePointer<iovec>, vectorCount: Int,
    offset: UInt64, byteCount: UInt64
  ) -> Int64 {
    let position = Int64(truncatingIfNeeded: offset)
    let length = Int64(truncatingIfNeeded: byteCount)
    while true {
      let result =
        switch operation {
        case .read: unsafe linux_preadv(disk.descriptor, vectors, Int32(vectorCount), position)
        case .write: unsafe linux_pwritev(disk.descriptor, vectors, Int32(vectorCount), position)
        case .durableWrite:
          unsafe linux_pwritev2(disk.descriptor, vectors, Int32(vectorCount), position, LINUX_RWF_DSYNC)
        case .flush: linux_fdatasync(disk.descriptor)
        case .discard: linux_punch_hole(disk.descriptor, position, length)
        case .writeZeroes: zero(disk.descriptor, position, length)
        }
      if result == -Int64(EINTR) { continue }
      return result < 0 || operation.movesBytes ? result : length
    }
  }
}

extension BlockOperation {
  var movesBytes: Bool {
    switch self {
    case .read, .write, .durableWrite: true
    case .flush, .discard, .writeZeroes: false
    }
  }
}
