import SystemPackage
import VextProtocol

/// What vextd answers (docs/vext-service.md §3).
enum VextServiceReply: Equatable, Sendable {
  /// The request is refused, or failed.
  case failed(Errno)
  case hello(version: UInt32, features: UInt64)
  case open(VextDiskGeometry)
  case enable(VextQueueFault)
  case statistics(DiskStatistics)
  /// `list`, `metrics`, `reload` and `snapshot`, in lines.
  case text(String)
  /// Anything else that went well.
  case done

  private static let replyBit: UInt16 = 0x8000

  /// The message's bytes.
  ///
  /// - Parameter type: the request's.
  func encoded(type: UInt16, tag: UInt32) -> [UInt8] {
    var writer = VextServiceWriter()
    writer.write(type | Self.replyBit)
    writer.write(UInt16(0))
    writer.write(tag)
    var status: Int32 = 0
    if case .failed(let error) = self { status = error.rawValue }
    writer.write(status)
    writer.write(UInt32(0))
    switch self {
    case .failed, .done: break
    case .hello(let version, let features):
      writer.write(VextServiceRequest.magic)
      writer.write(version)
      writer.write(features)
    case .open(let geometry): geometry.encode(into: &writer)
    case .enable(let fault):
      writer.write(fault.error.rawValue)
      writer.write(UInt32(0))
      writer.write(fault.detail)
    case .statistics(let statistics): for word in statistics.words { writer.write(word) }
    case .text(let text):
      writer.write(text.utf8.prefix(VextServiceRequest.byteLimit - writer.bytes.count))
    }
    return writer.bytes
  }

  /// Reads the reply to `request`.
  static func decode(
    _ bytes: [UInt8], to request: VextServiceRequest, tag: UInt32
  ) throws(VextServiceViolation) -> VextServiceReply {
    var reader = VextServiceReader(bytes)
    guard try reader.read(UInt16.self) == request.type | replyBit else { throw .badReply }
    try reader.readZero(UInt16.self)
    guard try reader.read(UInt32.self) == tag else { throw .badReply }
    let status = try reader.read(Int32.self)
    try reader.readZero(UInt32.self)
    guard status == 0 else {
      try reader.finish()
      return .failed(Errno(rawValue: status))
    }
    let reply: VextServiceReply
    switch request {
    case .hello:
      guard try reader.read(UInt32.self) == VextServiceRequest.magic else { throw .badMagic }
      reply = .hello(version: try reader.read(UInt32.self), features: try reader.read(UInt64.self))
    case .open: reply = .open(try VextDiskGeometry(&reader))
    case .enable, .resume:
      let error = try reader.read(UInt32.self)
      try reader.readZero(UInt32.self)
      // A number of a later version still means that the queue is not enabled.
      reply = .enable(
        VextQueueFault(
          error: VextQueueError(rawValue: error) ?? .outOfResources, detail: try reader.read(UInt64.self)))
    case .statistics:
      var words: [UInt64] = []
      for _ in 0..<DiskStatistics.wordCount { words.append(try reader.read(UInt64.self)) }
      reply = .statistics(DiskStatistics(words: words))
    case .list, .metrics, .reload, .snapshot: return .text(String(decoding: reader.remaining, as: UTF8.self))
    case .memory, .disable, .close, .drain, .detach: reply = .done
    }
    try reader.finish()
    return reply
  }
}

extension VextDiskGeometry {
  fileprivate func encode(into writer: inout VextServiceWriter) {
    writer.write(byteCount)
    writer.write(blockByteCount)
    writer.write(flags.rawValue)
    writer.write(maxTransferByteCount)
    writer.write(maxSegments)
    writer.write(maxRangeByteCount)
    writer.write(maxQueueDepth)
  }

  fileprivate init(_ reader: inout VextServiceReader) throws(VextServiceViolation) {
    byteCount = try reader.read(UInt64.self)
    blockByteCount = try reader.read(UInt32.self)
    flags = VextDeviceFlags(rawValue: try reader.read(UInt32.self))
    maxTransferByteCount = try reader.read(UInt32.self)
    maxSegments = try reader.read(UInt32.self)
    maxRangeByteCount = try reader.read(UInt32.self)
    maxQueueDepth = try reader.read(UInt32.self)
  }
}

extension DiskStatistics {
  static let wordCount = 11

  /// In the order of docs/vext-service.md §3.
  var words: [UInt64] {
    [
      reads, writes, flushes, discards, readBytes, writtenBytes, inFlight, maximumInFlight, finished,
      UInt64(serviceNanoseconds), UInt64(maximumServiceNanoseconds),
    ]
  }

  init(words: [UInt64]) {
    reads = words[0]
    writes = words[1]
    flushes = words[2]
    discards = words[3]
    readBytes = words[4]
    writtenBytes = words[5]
    inFlight = words[6]
    maximumInFlight = words[7]
    finished = words[8]
    serviceNanoseconds = Double(words[9])
    maximumServiceNanoseconds = Double(words[10])
  }
}
