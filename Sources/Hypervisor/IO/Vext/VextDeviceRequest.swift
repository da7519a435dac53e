import VextProtocol

/// A request that passed every check: its vectors are in the table's row of its id.
struct VextDeviceRequest {
  var operation: BlockOperation
  var vectorCount: Int
  var byteCount: UInt64
}

/// What became of an entry's checks.
enum VextAdmission {
  /// It may start.
  case admitted(VextDeviceRequest)
  /// It is well formed, and answered without the engine.
  case answered(CompletionEntry)
  /// It breaks the protocol: the queue stops.
  case refused(VextQueueError)
}
