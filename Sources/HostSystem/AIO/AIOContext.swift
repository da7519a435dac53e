import CLinux
import SystemPackage

/// A queue of the kernel's asynchronous I/O (`io_setup(2)`), owned by one thread.
///
/// Requests are enqueued, submitted in one system call for the batch, and reaped from a ring that the kernel shares
/// with the process: looking for completions is no system call. Nothing but the initializer allocates. The end of
/// its life waits for the requests in flight.
@safe
public struct AIOContext: ~Copyable {
  // SAFETY: the tables have `capacity` entries from the initializer to `deinit`, which first waits for the kernel's requests; each
  // index is less than a count that `capacity` bounds.
  @usableFromInline let context: aio_context_t
  @usableFromInline let capacity: Int
  @usableFromInline let eventDescriptor: Int32?
  /// Nil where the ring has an unknown form: completions are asked for by system call then.
  @usableFromInline let ring: AIOCompletionRing?
  /// The batch is the first `queuedCount` entries.
  @usableFromInline let requests: UnsafeMutablePointer<iocb>
  /// The addresses of all entries of `requests`, as `io_submit` wants them.
  @usableFromInline let requestPointers: UnsafeMutablePointer<UnsafeMutablePointer<iocb>?>
  /// Requests that the kernel refused and that were not reaped yet.
  @usableFromInline let refusals: UnsafeMutablePointer<AIOCompletion>
  @usableFromInline var queuedCount = 0
  @usableFromInline var inFlightCount = 0
  @usableFromInline var refusalCount = 0
  /// How many enqueued requests, of those that were not reaped yet, will not signal the eventfd.
  @usableFromInline var silentCount = 0
  /// Marks such a request in the token that the kernel carries.
  @usableFromInline static let unsignalledMark: UInt64 = 1 << 63

  /// Room for `capacity` requests between their enqueueing and their reaping.
  ///
  /// - Parameters:
  ///   - capacity: At least 1.
  ///   - eventDescriptor: An eventfd that completions signal.
  /// - Throws: `EINVAL` for a capacity out of range, `EAGAIN` beyond the host's `fs.aio-max-nr`.
  public init(capacity: Int, eventDescriptor: Int32? = nil) throws(Errno) {
    try self.init(capacity: capacity, eventDescriptor: eventDescriptor, reapsFromRing: true)
  }

  /// As the public initializer; without `reapsFromRing` it does what it does on kernels whose ring is unknown.
  init(capacity: Int, eventDescriptor: Int32?, reapsFromRing: Bool) throws(Errno) {
    guard capacity > 0, let requestCount = UInt32(exactly: capacity) else { throw Errno.invalidArgument }
    var context: aio_context_t = 0
    try check(unsafe linux_io_setup(requestCount, &context))
    self.context = context
    self.capacity = capacity
    self.eventDescriptor = eventDescriptor
    unsafe ring = reapsFromRing ? AIOCompletionRing(of: context) : nil
    unsafe requests = .allocate(capacity: capacity)
    unsafe requests.initialize(repeating: iocb(), count: capacity)
    unsafe requestPointers = .allocate(capacity: capacity)
    for index in 0..<capacity { unsafe (requestPointers + index).initialize(to: requests + index) }
    unsafe refusals = .allocate(capacity: capacity)
    unsafe refusals.initialize(repeating: AIOCompletion(token: 0, result: 0), count: capacity)
  }

  deinit {
    // Waits for the requests in flight; it can fail only for an invalid context.
    _ = linux_io_destroy(context)
    unsafe requests.deallocate()
    unsafe requestPointers.deallocate()
    unsafe refusals.deallocate()
  }

  /// How many more requests can be enqueued: the capacity less those that were not reaped yet.
  @inlinable @inline(__always)
  public var room: Int { capacity &- queuedCount &- inFlightCount &- refusalCount }

  /// How many requests were submitted, or refused, and not reaped yet.
  @inlinable @inline(__always)
  public var outstandingCount: Int { inFlightCount &+ refusalCount }

  /// How many of the requests that were not reaped yet will not signal the eventfd: who waits for them must look.
  @inlinable @inline(__always)
  public var unsignalledCount: Int { silentCount }

  /// How many requests wait for ``submit()``.
  @inlinable @inline(__always)
  public var queuedRequestCount: Int { queuedCount }
}

// MARK: - Submission

extension AIOContext {
  /// Enqueues a read (`IOCB_CMD_PREADV`); needs ``room``.
  ///
  /// - Parameters:
  ///   - descriptor: An open file; without `O_DIRECT` the submission itself does the work.
  ///   - vectors: Where the bytes go. The list and its memory stay until the completion was reaped.
  ///   - vectorCount: At most 1024 (`UIO_MAXIOV`).
  ///   - offset: In bytes from the start of the file.
  ///   - token: What the completion carries; below 2^63.
  ///   - signals: Whether the completion signals the eventfd. For what the submission itself does, that is a system
  ///     call's worth of work for nobody.
  @_noAllocation @inlinable
  public mutating func enqueueRead(
    descriptor: Int32, vectors: UnsafePointer<iovec>, vectorCount: Int, offset: UInt64, token: UInt64,
    signals: Bool = true
  ) {
    enqueue(
      UInt16(IOCB_CMD_PREADV), descriptor, UInt64(UInt(bitPattern: vectors)),
      UInt64(truncatingIfNeeded: vectorCount), offset, token, signals: signals)
  }

  /// Enqueues a write (`IOCB_CMD_PWRITEV`); needs ``room``. Parameters as for a read.
  ///
  /// - Parameter isDurable: The write is complete when its data are on stable storage (`RWF_DSYNC`).
  @_noAllocation @inlinable
  public mutating func enqueueWrite(
    descriptor: Int32, vectors: UnsafePointer<iovec>, vectorCount: Int, offset: UInt64, token: UInt64,
    isDurable: Bool = false, signals: Bool = true
  ) {
    enqueue(
      UInt16(IOCB_CMD_PWRITEV), descriptor, UInt64(UInt(bitPattern: vectors)),
      UInt64(truncatingIfNeeded: vectorCount), offset, token, flags: isDurable ? LINUX_RWF_DSYNC : 0,
      signals: signals)
  }

  /// Enqueues a flush of the file's data (`IOCB_CMD_FDSYNC`); needs ``room``.
  ///
  /// It covers the writes that were completed before it was submitted, not those in flight beside it.
  @_noAllocation @inlinable
  public mutating func enqueueFlush(descriptor: Int32, token: UInt64) {
    enqueue(UInt16(IOCB_CMD_FDSYNC), descriptor, 0, 0, 0, token)
  }

  @inlinable @inline(__always)
  mutating func enqueue(
    _ operation: UInt16, _ descriptor: Int32, _ buffer: UInt64, _ count: UInt64, _ offset: UInt64,
    _ token: UInt64, flags: Int32 = 0, signals: Bool = true
  ) {
    precondition(room > 0, "an AIO context takes no more requests than its capacity")
    var request = iocb()
    request.aio_data = token
    request.aio_rw_flags = flags
    request.aio_lio_opcode = operation
    request.aio_fildes = UInt32(bitPattern: descriptor)
    request.aio_buf = buffer
    request.aio_nbytes = count
    request.aio_offset = Int64(truncatingIfNeeded: offset)
    if !signals {
      request.aio_data |= Self.unsignalledMark
      silentCount &+= 1
    } else if let eventDescriptor {
      request.aio_flags = UInt32(IOCB_FLAG_RESFD)
      request.aio_resfd = UInt32(bitPattern: eventDescriptor)
    }
    // SAFETY: there is room, so the index is below the capacity.
    unsafe requests[queuedCount] = request
    queuedCount &+= 1
  }

  /// Submits what was enqueued, in one system call unless the kernel stops halfway.
  ///
  /// What the kernel has no resources for (`EAGAIN`) stays enqueued for the next call. A request that it refuses,
  /// such as one for a closed descriptor, becomes a completion with -errno.
  public mutating func submit() {
    var first = 0
    submission: while first < queuedCount {
      // SAFETY: `first` is below the capacity, and the entries up to `queuedCount` were filled in.
      let result = unsafe linux_io_submit(context, queuedCount - first, requestPointers + first)
      switch result {
      case 1...:
        first += result
        inFlightCount += result
      case 0, Int(-EAGAIN), Int(-EINTR):
        break submission
      default:
        unsafe refuse(requests[first].aio_data, Int64(result))
        first += 1
      }
    }
    queuedCount -= first
    if first > 0, queuedCount > 0 {
      unsafe requests.update(from: requests + first, count: queuedCount)
    }
  }

  private mutating func refuse(_ token: UInt64, _ result: Int64) {
    // SAFETY: refusals count against the room, so there are never more than the capacity.
    unsafe refusals[refusalCount] = AIOCompletion(token: token, result: result)
    refusalCount += 1
    // The kernel does not signal what it did not accept, and the owner may be about to sleep.
    if let eventDescriptor { _ = linux_eventfd_add(eventDescriptor, 1) }
  }
}

// MARK: - Completion

extension AIOContext {
  /// Takes one completion, in any order; nil if there is none yet.
  @inlinable @inline(__always)
  public mutating func reap() -> AIOCompletion? {
    var completion: AIOCompletion
    if refusalCount > 0 {
      refusalCount &-= 1
      completion = unsafe refusals[refusalCount]
    } else {
      guard inFlightCount > 0,
        let taken = if let ring = unsafe ring { unsafe ring.take() } else { reapBySystemCall() }
      else { return nil }
      inFlightCount &-= 1
      completion = taken
    }
    if completion.token & Self.unsignalledMark != 0 {
      completion.token &= ~Self.unsignalledMark
      silentCount &-= 1
    }
    return completion
  }

  @usableFromInline
  func reapBySystemCall() -> AIOCompletion? {
    var event = io_event()
    // SAFETY: there is room for the one event that is asked for.
    guard unsafe linux_io_getevents(context, 1, &event) == 1 else { return nil }
    return AIOCompletion(token: event.data, result: event.res)
  }
}

// MARK: - Completion ring

/// The ring of completions that the kernel shares with the process for one AIO context.
@unsafe @usableFromInline
struct AIOCompletionRing {
  @usableFromInline let header: UnsafeMutablePointer<linux_aio_ring>
  @usableFromInline let events: UnsafeMutablePointer<io_event>
  @usableFromInline let eventCount: UInt32

  /// The ring of `context`, or nil if it has a form that this code does not know.
  init?(of context: aio_context_t) {
    // SAFETY: `io_setup` answers with the address at which it has mapped the ring.
    guard let header = unsafe UnsafeMutablePointer<linux_aio_ring>(bitPattern: UInt(context)),
      unsafe header.pointee.magic == LINUX_AIO_RING_MAGIC, unsafe header.pointee.incompatible_features == 0,
      unsafe header.pointee.header_byte_count >= MemoryLayout<linux_aio_ring>.size,
      unsafe header.pointee.event_count > 0
    else { return nil }
    unsafe self.header = unsafe header
    unsafe events = (UnsafeMutableRawPointer(header) + Int(header.pointee.header_byte_count))
      .assumingMemoryBound(to: io_event.self)
    unsafe eventCount = unsafe header.pointee.event_count
  }

  /// Takes the oldest completion, without a system call.
  @inlinable @inline(__always)
  func take() -> AIOCompletion? {
    // SAFETY: only the context's owner moves the head, and the kernel keeps both indices below the event count.
    let head = unsafe header.pointee.head
    guard unsafe head != linux_load_acquiring(&header.pointee.tail), unsafe head < eventCount else {
      return nil
    }
    let event = unsafe events[Int(head)]
    let next = head &+ 1
    unsafe linux_store_releasing(&header.pointee.head, next == eventCount ? 0 : next)
    return AIOCompletion(token: event.data, result: event.res)
  }
}
