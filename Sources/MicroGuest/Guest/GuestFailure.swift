/// Why this worker cannot go on, as it will stand in its block.
struct GuestFailure: Error {
  /// The kind of failure.
  var reason: WorkerFailure
  /// What the kind's documentation says.
  var detail: UInt64 = 0
}
