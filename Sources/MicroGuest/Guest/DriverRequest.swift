/// What a request does.
enum DriverOperation {
  case read
  case write
  case flush
}

/// One request on its way to a queue.
struct DriverRequest {
  /// The worker's name for it, less than iodepth.
  var id: UInt16
  var operation: DriverOperation
  /// How the data is described to the device: 0 the plain way; others are variety for verification.
  var shape: UInt8 = 0
  /// Where on the disk, in bytes.
  var offset: UInt64
  /// Where the data is in memory.
  var buffer: UInt64
  var byteCount: UInt32
}

/// One answer.
struct BlockAnswer {
  /// The id of the request.
  var id: UInt16
  /// 0, or the transport's error.
  var status: UInt16
}
