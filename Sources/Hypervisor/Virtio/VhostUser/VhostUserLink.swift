import HostSystem
import SystemPackage
import VextProtocol

/// A front end's connection to a vhost-user back end. The back end is not trusted: every reply is checked.
///
/// User addresses of messages are guest-physical addresses here, so that a ring's address needs no translation.
struct VhostUserLink: ~Copyable, Sendable {
  /// How long a back end may take to answer a request that moves no data.
  static let replyNanoseconds: UInt64 = 5_000_000_000

  let socket: VhostUserSocket
  /// What the back end offers.
  let features: VirtioFeatures
  /// What both sides use.
  let protocolFeatures: VhostUserProtocolFeatures

  private init(
    _ socket: consuming VhostUserSocket, features: VirtioFeatures,
    protocolFeatures: VhostUserProtocolFeatures
  ) {
    self.socket = socket
    self.features = features
    self.protocolFeatures = protocolFeatures
  }

  /// Agrees on the protocol's features.
  ///
  /// - Parameter needed: protocol features without which the device is of no use.
  static func greet(
    _ socket: consuming VhostUserSocket, needed: VhostUserProtocolFeatures = []
  ) throws(VhostUserError) -> VhostUserLink {
    let offered = VirtioFeatures(rawValue: try ask(.init(.getFeatures), socket).integer())
    var protocolFeatures: VhostUserProtocolFeatures = []
    if offered.contains(.vhostUserProtocol) {
      let theirs = VhostUserProtocolFeatures(
        rawValue: try ask(.init(.getProtocolFeatures), socket).integer())
      protocolFeatures = theirs.intersection(understood)
      // Without a configuration there is nothing to report there.
      if !protocolFeatures.contains(.configuration) { protocolFeatures.remove(.backEndChannel) }
      try socket.send(
        .init(.setProtocolFeatures, payload: VhostUserMessage.payload(protocolFeatures.rawValue)))
    }
    guard protocolFeatures.isSuperset(of: needed) else {
      throw .missing("the configuration space (VHOST_USER_PROTOCOL_F_CONFIG)")
    }
    let link = VhostUserLink(socket, features: offered, protocolFeatures: protocolFeatures)
    try link.set(.setOwner)
    return link
  }

  /// Gives the connection to the caller.
  consuming func release() -> VhostUserSocket { socket }

  private static let understood: VhostUserProtocolFeatures = [
    .multiqueue, .replyAcknowledgement, .backEndChannel, .configuration, .inflight,
  ]

  /// The largest number of queues that the back end serves; nil if it does not say.
  func queueCount() throws(VhostUserError) -> Int? {
    guard protocolFeatures.contains(.multiqueue) else { return nil }
    return Int(clamping: try Self.ask(.init(.getQueueCount), socket).integer())
  }

  /// Reads the first `byteCount` bytes of the configuration space.
  func configuration(byteCount: Int) throws(VhostUserError) -> [UInt8] {
    var writer = VextServiceWriter()
    for word in [0, UInt32(clamping: byteCount), 0] { writer.write(word) }
    let head = writer.bytes
    let request = VhostUserMessage(
      .getConfiguration, payload: head + [UInt8](repeating: 0, count: byteCount))
    let reply = try Self.ask(request, socket)
    // An empty payload is the back end's refusal; a length of its own choice breaks the protocol.
    guard reply.payload.count == head.count + byteCount,
      Array(reply.payload.prefix(8)) == Array(head.prefix(8))
    else { throw reply.badLength }
    return Array(reply.payload.dropFirst(head.count))
  }

  /// Writes a field of the configuration space that a driver may change.
  func setConfiguration(offset: Int, bytes: [UInt8]) throws(VhostUserError) {
    var writer = VextServiceWriter()
    for word in [UInt32(clamping: offset), UInt32(clamping: bytes.count), 0] { writer.write(word) }
    try set(.setConfiguration, payload: writer.bytes + bytes)
  }

  /// Gives the back end a socket for its own requests.
  func setBackEndChannel(_ descriptor: Int32) throws(VhostUserError) {
    try set(.setBackEndChannel, descriptors: [descriptor])
  }

  /// Asks for memory in which the back end notes the requests that are in flight.
  func inflight(queueCount: Int, queueSize: UInt16) throws(VhostUserError) -> VhostUserInflight {
    let wanted = VhostUserInflight.Description(
      byteCount: 0, offset: 0, queueCount: UInt16(clamping: queueCount), queueSize: queueSize)
    try socket.send(.init(.getInflight, payload: wanted.encoded))
    var received = try Self.receiveReply(to: VhostUserRequest.getInflight.rawValue, socket)
    let description = try VhostUserInflight.Description(received.message)
    guard received.packet.descriptorCount == 1, let descriptor = received.packet.takeDescriptor() else {
      throw .badDescriptorCount(
        request: received.message.request, count: received.packet.descriptorCount)
    }
    return VhostUserInflight(description: description, descriptor: descriptor)
  }

  /// Gives the memory of ``inflight(queueCount:queueSize:)`` to the back end, or to its successor.
  func setInflight(_ inflight: borrowing VhostUserInflight) throws(VhostUserError) {
    try set(
      .setInflight, payload: inflight.description.encoded, descriptors: [inflight.descriptor.rawValue])
  }

  /// Sends a request that changes something; waits for its status if the back end has any.
  private func set(
    _ request: VhostUserRequest, payload: [UInt8] = [], descriptors: [Int32] = []
  ) throws(VhostUserError) {
    var message = VhostUserMessage(request, payload: payload)
    let isAcknowledged = protocolFeatures.contains(.replyAcknowledgement)
    if isAcknowledged { message.flags |= VhostUserProtocol.Flag.needsReply }
    try socket.send(message, descriptors: descriptors)
    guard isAcknowledged else { return }
    let status = try Self.receiveReply(to: message.request, socket).message.integer()
    guard status == 0 else { throw .refused(request: message.request, status) }
  }

  private static func ask(
    _ request: VhostUserMessage, _ socket: borrowing VhostUserSocket,
    nanoseconds: UInt64 = replyNanoseconds
  ) throws(VhostUserError) -> VhostUserMessage {
    try socket.send(request)
    let received = try receiveReply(to: request.request, socket, nanoseconds: nanoseconds)
    guard received.packet.descriptorCount == 0 else {
      throw .badDescriptorCount(request: request.request, count: received.packet.descriptorCount)
    }
    return received.message
  }

  private static func receiveReply(
    to request: UInt32, _ socket: borrowing VhostUserSocket, nanoseconds: UInt64 = replyNanoseconds
  ) throws(VhostUserError) -> VhostUserSocket.Received {
    let received = try socket.receive(deadline: HostClock.monotonicNanoseconds() &+ nanoseconds)
    guard received.message.isReply, received.message.request == request else {
      throw .badReply(to: request, request: received.message.request)
    }
    return received
  }
}

extension VhostUserLink: VhostBackEnd {
  mutating func setFeatures(_ features: VirtioFeatures) throws(VhostUserError) {
    var features = features
    if self.features.contains(.vhostUserProtocol) { features.insert(.vhostUserProtocol) }
    try set(.setFeatures, payload: VhostUserMessage.payload(features.rawValue))
  }

  mutating func setMemory(_ memory: GuestMemory) throws(VhostUserError) {
    guard let descriptor = memory.sharedDescriptor else { throw .memory("the guest's memory is not shared") }
    let regions = memory.sharedRegions
    var writer = VextServiceWriter()
    writer.write(UInt32(regions.count))
    writer.write(0 as UInt32)
    for region in regions {
      writer.write(region.address.rawValue)
      writer.write(region.byteCount)
      writer.write(region.address.rawValue)
      writer.write(region.fileOffset)
    }
    try set(
      .setMemoryTable, payload: writer.bytes, descriptors: regions.map { _ in descriptor })
  }

  mutating func start(_ ring: VhostRing, base: UInt16) throws(VhostUserError) {
    try set(
      .setVringSize, payload: VhostUserMessage.payload(index: ring.index, number: UInt32(ring.layout.size)))
    try set(.setVringBase, payload: VhostUserMessage.payload(index: ring.index, number: UInt32(base)))
    var writer = VextServiceWriter()
    writer.write(UInt32(clamping: ring.index))
    writer.write(0 as UInt32)
    for address in [ring.layout.descriptorTable, ring.layout.usedRing, ring.layout.availableRing] {
      writer.write(address.rawValue)
    }
    writer.write(0 as UInt64)
    try set(.setVringAddress, payload: writer.bytes)
    try setCall(ring)
    try set(
      .setVringKick, payload: VhostUserMessage.payload(UInt64(clamping: ring.index)), descriptors: [ring.kick]
    )
    guard features.contains(.vhostUserProtocol) else { return }
    try set(.setVringEnabled, payload: VhostUserMessage.payload(index: ring.index, number: 1))
  }

  mutating func setCall(_ ring: VhostRing) throws(VhostUserError) {
    try set(
      .setVringCall, payload: VhostUserMessage.payload(UInt64(clamping: ring.index)), descriptors: [ring.call]
    )
  }

  /// Waits as long for the requests in flight as for other storage.
  mutating func stop(_ index: Int) throws(VhostUserError) -> UInt16 {
    let request = VhostUserMessage(
      .getVringBase, payload: VhostUserMessage.payload(index: index, number: 0))
    let reply = try Self.ask(request, socket, nanoseconds: DiskTimeout.nanoseconds)
    let state = try reply.vringState()
    guard state.index == UInt32(clamping: index), let base = UInt16(exactly: state.number) else {
      throw .badValue(request: reply.request, UInt64(state.number))
    }
    return base
  }
}
