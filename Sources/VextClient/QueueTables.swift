import VextProtocol

/// A submitted entry, in the table of ids.
@safe
struct QueueCommand {
  // SAFETY: the pointers are allocations of the pool, which the queue gives back only when the entry's owner is `nobody`.
  /// The request that an entry belongs to.
  enum Owner: Equatable {
    /// The id is free.
    case nobody
    /// The entry belongs to the request with this index.
    case request(Int)
    /// The request was given up, but the device may still carry the entry out.
    case abandoned
  }

  var owner = Owner.nobody
  /// The entry as submitted; its segments say which memory the device may touch.
  var entry = VextSubmissionEntry(operation: 0, id: 0)
  /// Number of bytes that the completion must report.
  var byteCount: UInt64 = 0
  /// Memory of the pool that replaces the caller's.
  var bounce: UnsafeMutableRawBufferPointer?
  /// Offset in the caller's memory at which the bytes of `bounce` belong.
  var bounceOffset = 0
  /// Room for a segment list, which stays with the id.
  var list: UnsafeMutableRawBufferPointer?
}

/// A request of the caller, which consists of one or several entries.
@safe
struct QueueRequest {
  // SAFETY: the caller promises that its buffers stay valid until the request's result was taken.
  var isActive = false
  var generation: UInt32 = 0
  /// Number of entries without a completion, plus one while entries are still being submitted.
  var remaining = 0
  /// The first error; 0 if there was none.
  var error: CInt = 0
  /// The caller's buffers of a read whose bytes come through the pool.
  var targets = CallerBuffers()
}
