import VextProtocol

/// What a client asks of vextd (docs/vext-service.md §3).
enum VextServiceRequest: Equatable, Sendable {
  case hello(version: UInt32, features: UInt64)
  case open(disk: String)
  case memory([GuestMemoryRegion])
  case enable(queue: UInt16, VextQueueSetup)
  /// Enables a queue that another service had, which has ended.
  case resume(queue: UInt16, VextQueueSetup)
  case disable(queue: UInt16)
  case statistics
  case close
  case list
  case metrics
  /// Lets no new client open a disk.
  case drain(disk: String)
  /// Ends the connections of a disk's clients, makes it durable and closes it.
  case detach(disk: String)
  /// Reads the configuration again.
  case reload
  /// A ``VextServiceSnapshot``.
  case snapshot

  /// "VXSV" in ASCII.
  static let magic: UInt32 = 0x5653_5856
  static let version: UInt32 = 1
  /// Bytes of a message at most, in either direction.
  static let byteLimit = 65_536
  /// Bytes of a disk's name at most.
  static let nameLimit = 64

  var type: UInt16 {
    switch self {
    case .hello: 1
    case .open: 2
    case .memory: 3
    case .enable: 4
    case .disable: 5
    case .statistics: 6
    case .close: 7
    case .list: 8
    case .metrics: 9
    case .resume: 10
    case .drain: 11
    case .detach: 12
    case .reload: 13
    case .snapshot: 14
    }
  }

  /// Descriptors that come with it: CONTENTION is the one feature without.
  var descriptorCount: Int {
    switch self {
    case .memory: 2
    case .enable(_, let setup), .resume(_, let setup):
      setup.features.subtracting(.contention).rawValue.nonzeroBitCount
    case .hello, .open, .disable, .statistics, .close, .list, .metrics, .drain, .detach, .reload, .snapshot: 0
    }
  }

  /// Whether `name` can be a disk's: letters, digits, '.', '_' and '-', not more than ``nameLimit``.
  static func isName(_ name: some Collection<UInt8>) -> Bool {
    (1...nameLimit).contains(name.count)
      && name.allSatisfy {
        switch $0 {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
          true
        default: false
        }
      }
  }

  /// The message's bytes.
  func encoded(tag: UInt32) -> [UInt8] {
    var writer = VextServiceWriter()
    writer.write(type)
    writer.write(UInt16(0))
    writer.write(tag)
    switch self {
    case .hello(let version, let features):
      writer.write(Self.magic)
      writer.write(version)
      writer.write(features)
    case .open(let disk), .drain(let disk), .detach(let disk): writer.write(disk.utf8)
    case .memory(let regions):
      writer.write(UInt32(clamping: regions.count))
      writer.write(UInt32(0))
      for region in regions {
        writer.write(region.address.rawValue)
        writer.write(region.byteCount)
        writer.write(region.fileOffset)
      }
    case .enable(let queue, let setup), .resume(let queue, let setup):
      writer.write(UInt32(queue))
      writer.write(setup.depth)
      writer.write(setup.submissionRing)
      writer.write(setup.completionRing)
      writer.write(setup.wakeBlock)
      writer.write(setup.features.rawValue)
    case .disable(let queue):
      writer.write(UInt32(queue))
      writer.write(UInt32(0))
    case .statistics, .close, .list, .metrics, .reload, .snapshot: break
    }
    return writer.bytes
  }

  /// Reads a message that may be anything.
  static func decode(
    _ bytes: [UInt8]
  ) throws(VextServiceViolation) -> (tag: UInt32, request: VextServiceRequest) {
    var reader = VextServiceReader(bytes)
    let type = try reader.read(UInt16.self)
    try reader.readZero(UInt16.self)
    let tag = try reader.read(UInt32.self)
    let request = try decode(type, &reader)
    return (tag, request)
  }

  private static func decode(
    _ type: UInt16, _ reader: inout VextServiceReader
  ) throws(VextServiceViolation) -> VextServiceRequest {
    let request: VextServiceRequest
    switch type {
    case 1:
      guard try reader.read(UInt32.self) == magic else { throw .badMagic }
      request = .hello(version: try reader.read(UInt32.self), features: try reader.read(UInt64.self))
    case 2:
      return .open(disk: try name(&reader))
    case 3: request = .memory(try regions(&reader))
    case 4, 10:
      let queue = try queueNumber(&reader)
      var setup = VextQueueSetup()
      setup.depth = try reader.read(UInt32.self)
      setup.submissionRing = try reader.read(UInt64.self)
      setup.completionRing = try reader.read(UInt64.self)
      setup.wakeBlock = try reader.read(UInt64.self)
      setup.features = VextFeatures(rawValue: try reader.read(UInt64.self))
      request = type == 4 ? .enable(queue: queue, setup) : .resume(queue: queue, setup)
    case 5:
      request = .disable(queue: try queueNumber(&reader))
      try reader.readZero(UInt32.self)
    case 6: request = .statistics
    case 7: request = .close
    case 8: request = .list
    case 9: request = .metrics
    case 11: return .drain(disk: try name(&reader))
    case 12: return .detach(disk: try name(&reader))
    case 13: request = .reload
    case 14: request = .snapshot
    default: throw .badType(type)
    }
    try reader.finish()
    return request
  }

  /// The rest of the message, which is a disk's name.
  private static func name(_ reader: inout VextServiceReader) throws(VextServiceViolation) -> String {
    let name = reader.remaining
    guard isName(name) else { throw .badName }
    return String(decoding: name, as: UTF8.self)
  }

  private static func queueNumber(_ reader: inout VextServiceReader) throws(VextServiceViolation) -> UInt16 {
    let number = try reader.read(UInt32.self)
    guard number < VextRegister.queueLimit else { throw .badQueue(number) }
    return UInt16(truncatingIfNeeded: number)
  }

  private static func regions(
    _ reader: inout VextServiceReader
  ) throws(VextServiceViolation) -> [GuestMemoryRegion] {
    let count = try reader.read(UInt32.self)
    try reader.readZero(UInt32.self)
    guard (1...UInt32(GuestMemory.regionLimit)).contains(count) else { throw .badRegionCount(count) }
    var regions: [GuestMemoryRegion] = []
    for _ in 0..<count {
      regions.append(
        GuestMemoryRegion(
          address: GuestAddress(try reader.read(UInt64.self)), byteCount: try reader.read(UInt64.self),
          fileOffset: try reader.read(UInt64.self)))
    }
    return regions
  }
}
