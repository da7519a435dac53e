import CURing
public import SystemPackage

/// A queue of the kernel's asynchronous I/O (`io_uring_setup(2)`), owned by one thread.
///
/// As ``AIOContext``: requests are enqueued, submitted in one system call for the batch, and reaped from a ring that
/// the kernel shares with the process, without a system call. Nothing allocates but the initializer and what registers.
/// Requests in flight have no order, because entries are never linked (IOSQE_IO_LINK). The end of its life waits for the requests
/// in flight. The kernel refuses operations that this type does not offer (`IORING_REGISTER_RESTRICTIONS`).
@safe
public struct IOUring: ~Copyable {
  // SAFETY: `ring` is open from the initializer to `deinit`, which first waits for the kernel's requests; `capacity` bounds the number of
  // entries, and liburing's functions check the ring's own indices.
  /// Files that can be registered.
  public static let fileLimit = 128
  /// Runs of memory that can be registered.
  public static let bufferLimit = 256
  /// Bytes of one registered run at most (`io_uring_register(2)`, IORING_REGISTER_BUFFERS).
  public static let bufferByteLimit = 1 << 30

  @usableFromInline let ring: UnsafeMutablePointer<io_uring>
  @usableFromInline let capacity: Int
  @usableFromInline var queuedCount = 0
  @usableFromInline var inFlightCount = 0

  /// Room for `capacity` requests between their enqueueing and their reaping.
  ///
  /// - Parameters:
  ///   - capacity: 1 to 32,768.
  ///   - eventDescriptor: An eventfd that every completion signals.
  /// - Throws: `EINVAL` for a capacity out of range, `ENOSYS` or `EPERM` where the host has no io_uring (see
  ///   ``IOUringUnavailable``).
  public init(capacity: Int, eventDescriptor: Int32? = nil) throws(Errno) {
    guard capacity > 0, capacity <= Int(CURING_ENTRY_LIMIT) else { throw Errno.invalidArgument }
    unsafe ring = try Self.open(
      entryCount: UInt32(capacity), eventDescriptor: eventDescriptor)
    self.capacity = capacity
  }

  /// A ring of `entryCount` entries, which the kernel rounds up to a power of two. Completions have twice as many places,
  /// so that they never overflow.
  private static func open(
    entryCount: UInt32, eventDescriptor: Int32?
  ) throws(Errno) -> UnsafeMutablePointer<io_uring> {
    let ring = UnsafeMutablePointer<io_uring>.allocate(capacity: 1)
    unsafe ring.initialize(to: io_uring())
    do throws(Errno) {
      try check(unsafe curing_open(ring, entryCount))
    } catch {
      unsafe ring.deallocate()
      throw error
    }
    do throws(Errno) {
      if let eventDescriptor { try check(unsafe curing_register_event(ring, eventDescriptor)) }
      try check(unsafe curing_make_tables(ring, UInt32(fileLimit), UInt32(bufferLimit)))
      try check(unsafe curing_restrict(ring))
    } catch {
      unsafe curing_close(ring)
      unsafe ring.deallocate()
      throw error
    }
    return unsafe ring
  }

  deinit {
    // What was enqueued and not submitted is forgotten; what the kernel has may still write to memory.
    var completed = UInt64(0)
    var result = Int32(0)
    var left = inFlightCount
    while left > 0 {
      if unsafe curing_take(ring, &completed, &result) != 0 {
        left -= 1
      } else if unsafe curing_wait(ring, 1) < 0 {
        // A signal came. Nothing else fails on a ring that is open.
        continue
      }
    }
    unsafe curing_close(ring)
    unsafe ring.deallocate()
  }

  /// How many more requests can be enqueued: the capacity less those that were not reaped yet.
  @inlinable @inline(__always)
  public var room: Int { capacity &- queuedCount &- inFlightCount }

  /// How many requests were submitted and not reaped yet.
  @inlinable @inline(__always)
  public var outstandingCount: Int { inFlightCount }

  /// How many requests wait for ``submit()``.
  @inlinable @inline(__always)
  public var queuedRequestCount: Int { queuedCount }
}

// MARK: - Registration

extension IOUring {
  /// Registers an open file, so that requests need not look it up.
  ///
  /// - Parameter index: Below ``fileLimit``; a file that was there is given up.
  /// - Throws: `EBADF` for a descriptor that is not open, `ENOMEM`, `EMFILE`.
  public mutating func registerFile(_ descriptor: Int32, at index: Int) throws(Errno) {
    guard (0..<Self.fileLimit).contains(index) else { throw Errno.invalidArgument }
    try check(unsafe curing_set_file(ring, UInt32(index), descriptor))
  }

  /// Registers memory, so that requests need not translate and pin its pages. It is resident and pinned from now on, and
  /// counts against RLIMIT_MEMLOCK.
  ///
  /// - Parameters:
  ///   - index: Below ``bufferLimit``; what was there is given up.
  ///   - byteCount: 1 to ``bufferByteLimit``.
  /// - Throws: `ENOMEM` beyond the limit, `EFAULT` for memory that is not mapped, `EOPNOTSUPP` for that of some files.
  public mutating func registerBuffer(
    _ base: UnsafeMutableRawPointer, byteCount: Int, at index: Int
  ) throws(Errno) {
    guard (0..<Self.bufferLimit).contains(index), (1...Self.bufferByteLimit).contains(byteCount) else {
      throw Errno.invalidArgument
    }
    try check(unsafe curing_set_buffer(ring, UInt32(index), base, byteCount))
  }
}

// MARK: - Submission

extension IOUring {
  /// Fills the next entry. The caller has checked ``room``, and keeps the memory of the request until its completion.
  @inlinable @inline(__always)
  mutating func append(
    _ operation: UInt8, _ file: IOUringFile, address: UInt64, length: UInt32, offset: UInt64,
    operationFlags: UInt32, buffer: UInt16, token: UInt64
  ) {
    let taken = unsafe curing_enqueue(
      ring, operation, file.entryFlags, file.number, address, length, offset, operationFlags, buffer, token)
    // The ring has an entry for each request of the capacity, and the kernel empties it with each submission.
    precondition(taken != 0, "the submission queue is as large as the capacity")
    queuedCount &+= 1
  }

  /// Submits what was enqueued, in one system call unless the kernel stops halfway.
  ///
  /// What the kernel has no resources for (`EAGAIN`, `EBUSY`) stays enqueued for the next call. A request that it
  /// refuses, such as one for a closed descriptor, becomes a completion with -errno.
  public mutating func submit() {
    while queuedCount > 0 {
      let result = Int(unsafe curing_submit(ring))
      guard result > 0 else { return }
      queuedCount -= result
      inFlightCount += result
    }
  }

  /// Whether the kernel has all operations that this type submits.
  var knowsItsOperations: Bool { unsafe curing_knows_operations(ring) != 0 }
}

// MARK: - Completion

extension IOUring {
  /// Takes one completion, in any order; nil if there is none yet.
  @inlinable @inline(__always)
  public mutating func reap() -> AIOCompletion? {
    guard inFlightCount > 0 else { return nil }
    var token = UInt64(0)
    var result = Int32(0)
    guard unsafe curing_take(ring, &token, &result) != 0 else { return nil }
    inFlightCount &-= 1
    return AIOCompletion(token: token, result: Int64(result))
  }
}
