import VextProtocol

/// An entry that the device has, by its id.
@unsafe
struct QueueCommand {
  /// Whose part it is: a slot of the requests.
  enum Owner: Equatable {
    /// The id is free.
    case nobody
    case request(Int)
    /// The request was given up, and the device may still carry the entry out.
    case abandoned
  }

  var owner = Owner.nobody
  /// What was submitted: the segments tell which memory the device may touch.
  var entry = SubmissionEntry(operation: 0, id: 0)
  /// Bytes that the answer must tell.
  var byteCount: UInt64 = 0
  /// Memory of the pool that stands in for the caller's.
  var bounce: UnsafeMutableRawBufferPointer?
  /// Where in the caller's memory the bytes of `bounce` belong.
  var bounceOffset = 0
  /// Room for a segment list, which stays with the id.
  var list: UnsafeMutableRawBufferPointer?
}

/// A request of the caller's: one or several entries.
@safe
struct QueueRequest {
  var isActive = false
  var generation: UInt32 = 0
  /// Entries without an answer, and one more while entries are still being made.
  var remaining = 0
  /// The first error; 0: none.
  var error: CInt = 0
  /// Where a read's bytes belong that come through the pool.
  var targets: [UnsafeMutableRawBufferPointer] = unsafe []
}
