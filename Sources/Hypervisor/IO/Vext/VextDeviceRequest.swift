import VextProtocol

/// A request that passed every check. Its vectors are in the request table's row of its id.
struct VextDeviceRequest {
  var operation: BlockOperation
  var vectorCount: Int
  var byteCount: UInt64
}

/// The result of checking an entry.
enum VextAdmission {
  /// The request may start.
  case admitted(VextDeviceRequest)
  /// The entry is well formed, and this completion answers it without the engine.
  case answered(CompletionEntry)
  /// The entry breaks the protocol: the queue must stop.
  case refused(VextQueueError)
}
