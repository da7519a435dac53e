import CLinux

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

/// The outcome of one request of an ``AIOContext``.
@frozen
public struct AIOCompletion: Equatable, Sendable {
  /// What the request was enqueued with.
  public var token: UInt64
  /// The bytes that were moved, 0 for a flush, or -errno.
  public var result: Int64

  /// A completion of the request `token`.
  @inlinable
  public init(token: UInt64, result: Int64) {
    self.token = token
    self.result = result
  }
}
