import SystemPackage

/// A range of another device: a partition, or the part behind an offset.
final class PartDevice: BlockDevice {
  private let whole: any BlockDevice
  private let byteOffset: UInt64
  let byteCount: UInt64
  let name: String

  /// Nil if the range does not lie within the device, or does not begin at one of its logical blocks.
  ///
  /// - Parameter byteCount: The length; nil goes on to the device's end.
  init?(_ whole: any BlockDevice, byteOffset: UInt64, byteCount: UInt64? = nil) {
    guard byteOffset < whole.byteCount, byteOffset % UInt64(whole.logicalBlockByteCount) == 0 else {
      return nil
    }
    self.whole = whole
    self.byteOffset = byteOffset
    let rest = whole.byteCount - byteOffset
    self.byteCount = min(byteCount ?? rest, rest) / 512 * 512
    // The notation of e2fsprogs.
    name = byteOffset == 0 ? whole.name : "\(whole.name)?offset=\(byteOffset)"
  }

  var logicalBlockByteCount: Int { whole.logicalBlockByteCount }
  var isReadOnly: Bool { whole.isReadOnly }
  var queueLimit: Int { whole.queueLimit }
  func problem() -> String? { whole.problem() }

  func makeQueue() throws(Errno) -> any BlockQueue {
    Queue(try whole.makeQueue(), byteOffset: byteOffset, byteCount: byteCount)
  }

  func allocateBuffer(byteCount: Int) throws(Errno) -> BlockBuffer {
    try whole.allocateBuffer(byteCount: byteCount)
  }

  private final class Queue: BlockQueue {
    private let queue: any BlockQueue
    private let byteOffset: UInt64
    private let byteCount: UInt64

    init(_ queue: any BlockQueue, byteOffset: UInt64, byteCount: UInt64) {
      self.queue = queue
      self.byteOffset = byteOffset
      self.byteCount = byteCount
    }

    func perform(_ request: BlockRequest) throws(Errno) { try queue.perform(try moved(request)) }

    func perform(_ requests: [BlockRequest]) throws(Errno) {
      var all: [BlockRequest] = []
      all.reserveCapacity(requests.count)
      for request in requests { all.append(try moved(request)) }
      try queue.perform(all)
    }

    /// The request on the whole device. Throws if it exceeds the part.
    private func moved(_ request: BlockRequest) throws(Errno) -> BlockRequest {
      guard request.byteCount >= 0, request.byteOffset <= byteCount,
        UInt64(request.byteCount) <= byteCount - request.byteOffset
      else { throw .ioError }
      return request.moved(by: byteOffset)
    }
  }
}
