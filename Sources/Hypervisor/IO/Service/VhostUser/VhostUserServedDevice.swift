import HostSystem
import SystemPackage
import VextProtocol

/// A block device as a vhost-user front end sees it: features, memory and rings. The session's thread alone uses it.
struct VhostUserServedDevice: ~Copyable {
  /// Rings of a device at most.
  static let ringLimit = VhostUserDeviceKind.queueLimit

  let disk: VextServiceDisk
  let session: VhostUserSession
  let cache = VirtioBlockCache()
  private let offered: VirtioFeatures
  private let offeredProtocol: VhostUserProtocolFeatures
  private(set) var features: VirtioFeatures = []
  private var negotiated: VhostUserProtocolFeatures = []
  /// The mode of the cache in the configuration.
  private var isWriteBack = true
  private(set) var memory: VhostUserMemoryTable?
  private(set) var inflight: VhostInflightRegion?
  /// By number; a ring is there since the front end first named it.
  var rings = VhostUserRingTable(count: ringLimit)

  init(disk: VextServiceDisk, session: VhostUserSession) {
    self.disk = disk
    self.session = session
    offered = VirtioBlock.features(of: disk.image.handle).union(.vhostUserProtocol)
    // A successor has another copy of a disk in memory, so that it could not continue.
    let canContinue = session.service.engine != .memory || disk.image.handle.isReadOnly
    let always: VhostUserProtocolFeatures = [
      .multiqueue, .replyAcknowledgement, .configuration, .resetDevice,
    ]
    offeredProtocol = canContinue ? always.union(.inflight) : always
  }

  /// Carries out a request and answers it.
  ///
  /// - Throws: for a request that breaks the protocol or cannot be carried out; the connection is over then.
  mutating func serve(
    _ received: inout VhostUserSocket.Received, _ socket: borrowing VhostUserSocket
  ) throws(VhostUserError) {
    let message = received.message
    guard !message.isReply, let request = VhostUserRequest(rawValue: message.request) else {
      throw .badRequest(message.request)
    }
    if !Self.takesDescriptors(request), received.packet.descriptorCount > 0 {
      throw .badDescriptorCount(request: message.request, count: received.packet.descriptorCount)
    }
    if try answer(request, message, socket) { return }
    var status: UInt64 = 0
    switch request {
    case .setMemoryTable:
      let table = try VhostUserMemoryTable(message, &received.packet)
      let started = try suspend()
      memory = table
      try resume(started)
    case .setVringKick, .setVringCall, .setVringError:
      let (index, descriptor) = try Self.event(message, &received.packet)
      try setEvent(request, index, descriptor)
    case .setInflight:
      let description = try VhostUserInflight.Description(message)
      guard received.packet.descriptorCount == 1, let descriptor = received.packet.takeDescriptor() else {
        throw .badDescriptorCount(request: message.request, count: received.packet.descriptorCount)
      }
      guard !rings.isAnyRunning else { throw .badRequest(message.request) }
      inflight = try VhostInflightRegion(description, descriptor: descriptor)
    case .setConfiguration: status = try setConfiguration(message) ? 0 : 1
    default: try apply(request, message)
    }
    guard message.needsReply, negotiated.contains(.replyAcknowledgement) else { return }
    try socket.send(message.reply(VhostUserMessage.payload(status)))
  }

  private static func takesDescriptors(_ request: VhostUserRequest) -> Bool {
    switch request {
    case .setMemoryTable, .setVringKick, .setVringCall, .setVringError, .setInflight: true
    default: false
    }
  }

  /// Answers a request that has a reply of its own; false for any other.
  private mutating func answer(
    _ request: VhostUserRequest, _ message: VhostUserMessage, _ socket: borrowing VhostUserSocket
  ) throws(VhostUserError) -> Bool {
    var descriptors: [Int32] = []
    let payload: [UInt8]
    switch request {
    case .getFeatures: payload = VhostUserMessage.payload(offered.rawValue)
    case .getProtocolFeatures: payload = VhostUserMessage.payload(offeredProtocol.rawValue)
    case .getQueueCount: payload = VhostUserMessage.payload(UInt64(Self.ringLimit))
    case .getConfiguration: payload = try configuration(message)
    case .getVringBase:
      let index = try Self.index(try message.vringState().index, message)
      stop(index)
      rings[index].isStarted = false
      payload = VhostUserMessage.payload(index: index, number: UInt32(rings[index].base))
    case .getInflight:
      let wanted = try VhostUserInflight.Description(message)
      let region = try VhostInflightRegion(queueCount: wanted.queueCount, queueSize: wanted.queueSize)
      payload = region.description.encoded
      descriptors = [region.descriptor]
      // The region is used once the front end has passed it back.
      try socket.send(message.reply(payload), descriptors: descriptors)
      return true
    default: return false
    }
    try socket.send(message.reply(payload), descriptors: descriptors)
    return true
  }

  /// Carries out a request without descriptors and without a reply of its own.
  private mutating func apply(
    _ request: VhostUserRequest, _ message: VhostUserMessage
  ) throws(VhostUserError) {
    switch request {
    case .setFeatures:
      let new = VirtioFeatures(rawValue: try message.integer())
      guard new.isSubset(of: offered) else { throw .badValue(request: message.request, new.rawValue) }
      guard new == features || !rings.isAnyRunning else { throw .badRequest(message.request) }
      features = new
      setCacheMode()
    case .setProtocolFeatures:
      let new = VhostUserProtocolFeatures(rawValue: try message.integer())
      guard new.isSubset(of: offeredProtocol) else {
        throw .badValue(request: message.request, new.rawValue)
      }
      negotiated = new
    case .setOwner, .resetOwner: return
    case .resetDevice:
      stopAll()
      isWriteBack = true
      setCacheMode()
    case .setVringSize:
      let (index, number) = try stoppedRing(message)
      guard let size = UInt16(exactly: number), size.nonzeroBitCount == 1, size <= VirtioBlock.queueDepthLimit
      else { throw .badValue(request: message.request, UInt64(number)) }
      rings[index].size = size
    case .setVringBase:
      let (index, number) = try stoppedRing(message)
      guard let base = UInt16(exactly: number) else {
        throw .badValue(request: message.request, UInt64(number))
      }
      rings[index].base = base
    case .setVringEnabled:
      let (number, value) = try message.vringState()
      let index = try Self.index(number, message)
      guard value < 2 else { throw .badValue(request: message.request, UInt64(value)) }
      rings[index].isEnabled = value == 1
      if value == 1 { try start(index) } else { stop(index) }
    case .setVringAddress: try setAddress(message)
    default: throw .badRequest(message.request)
    }
  }

  /// A driver that will not flush relies on each write, whatever the configuration says (virtio 1.2 §5.2.6.2).
  private func setCacheMode() { cache.isWriteBack = isWriteBack && features.contains(.blockFlush) }

  private mutating func setAddress(_ message: VhostUserMessage) throws(VhostUserError) {
    guard message.payload.count == 40 else { throw message.badLength }
    let words = VhostUserMessage.words(message.payload)
    let index = try Self.index(words[0], message)
    // Flag 0: log writes to the used ring, which is for migration.
    guard words[1] == 0 else { throw .badValue(request: message.request, UInt64(words[1])) }
    let long = VhostUserMessage.longWords(message.payload)
    let addresses = VhostUserRing.Addresses(
      descriptorTable: long[1], usedRing: long[2], availableRing: long[3])
    guard rings[index].running == nil || rings[index].addresses == addresses else {
      throw .badRequest(message.request)
    }
    rings[index].addresses = addresses
  }

  /// The ring and the number of a request that is for rings that are not served.
  private func stoppedRing(
    _ message: VhostUserMessage
  ) throws(VhostUserError) -> (index: Int, number: UInt32) {
    let (number, value) = try message.vringState()
    let index = try Self.index(number, message)
    guard rings[index].running == nil else { throw .badRequest(message.request) }
    return (index, value)
  }

  static func index(_ number: UInt32, _ message: VhostUserMessage) throws(VhostUserError) -> Int {
    guard number < UInt32(ringLimit) else { throw .badValue(request: message.request, UInt64(number)) }
    return Int(number)
  }

  /// The ring of SET_VRING_KICK and the like, and the descriptor, if there is one.
  private static func event(
    _ message: VhostUserMessage, _ packet: inout ReceivedPacket
  ) throws(VhostUserError) -> (index: Int, descriptor: OwnedDescriptorBox) {
    let value = try message.integer()
    guard value & ~(0xFF | VhostUserProtocol.noDescriptorFlag) == 0 else {
      throw .badValue(request: message.request, value)
    }
    let index = try index(UInt32(value & 0xFF), message)
    let count = value & VhostUserProtocol.noDescriptorFlag == 0 ? 1 : 0
    guard packet.descriptorCount == count else {
      throw .badDescriptorCount(request: message.request, count: packet.descriptorCount)
    }
    return (index, OwnedDescriptorBox(packet.takeDescriptor()))
  }

  /// The bytes of the configuration space that GET_CONFIG asks for; zeroes behind its end.
  private func configuration(_ message: VhostUserMessage) throws(VhostUserError) -> [UInt8] {
    let words = VhostUserMessage.words(message.payload)
    guard words.count >= 3, message.payload.count == 12 + Int(words[1]) else { throw message.badLength }
    let limit = UInt32(VhostUserProtocol.configurationLimit)
    guard words[0] <= limit, words[1] <= limit - words[0] else {
      throw .badValue(request: message.request, UInt64(words[0]) << 32 | UInt64(words[1]))
    }
    var bytes = VirtioBlock.configuration(
      of: disk.image.handle, queueCount: Self.ringLimit, queueDepth: VirtioBlock.queueDepthLimit)
    bytes[VirtioBlockProtocol.Configuration.writeBack] = isWriteBack ? 1 : 0
    bytes += [UInt8](repeating: 0, count: VhostUserProtocol.configurationLimit - bytes.count)
    return Array(message.payload.prefix(12)) + bytes[Int(words[0])..<Int(words[0] + words[1])]
  }

  /// Switches between write-back and write-through, the one field that can be written; tells whether it was that.
  private mutating func setConfiguration(_ message: VhostUserMessage) throws(VhostUserError) -> Bool {
    let words = VhostUserMessage.words(message.payload)
    guard words.count >= 3, message.payload.count == 12 + Int(words[1]) else { throw message.badLength }
    guard words[0] == UInt32(VirtioBlockProtocol.Configuration.writeBack), words[1] == 1 else { return false }
    isWriteBack = message.payload[12] & 1 != 0
    setCacheMode()
    return true
  }
}
