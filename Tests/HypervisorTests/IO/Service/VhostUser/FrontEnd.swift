import CLinux
import HostSystem
import SystemPackage
import Testing
import VextProtocol

@testable import Hypervisor

/// A vhost-user front end that a test steps through: it sends any message, and drives rings in memory of its own.
final class FrontEnd {
  static let queueSize: UInt16 = 16
  static let features: VirtioFeatures = [
    .version1, .eventIndex, .indirectDescriptors, .blockFlush, .vhostUserProtocol,
  ]
  /// The front end's addresses are this much above the guest's.
  static let userBase: UInt64 = 0x7F00_0000_0000

  let socket: VhostUserSocket
  let memory: GuestMemory
  var queues: [FakeVirtqueue] = []
  let kick: EventDescriptor
  let call: EventDescriptor

  init(_ service: VextService, disk: String = "rw", memory: GuestMemory? = nil) throws {
    var other: OwnedDescriptor?
    socket = VhostUserSocket(try DescriptorStream(other: &other))
    guard let other = other.take() else { throw Errno.badFileDescriptor }
    service.addVhostUser(DescriptorStream(adopting: other), disk: disk)
    self.memory = try memory ?? GuestMemory(byteCount: 8 << 20, isShared: true)
    kick = try EventDescriptor()
    call = try EventDescriptor()
  }

  /// Sends a request; does not wait.
  func send(_ request: VhostUserRequest, _ payload: [UInt8] = [], descriptors: [Int32] = []) throws {
    try socket.send(VhostUserMessage(request, payload: payload), descriptors: descriptors)
  }

  /// Sends a request and receives its reply.
  func ask(_ request: VhostUserRequest, _ payload: [UInt8] = []) throws -> [UInt8] {
    try send(request, payload)
    let received = try socket.receive(deadline: HostClock.monotonicNanoseconds() &+ 10_000_000_000)
    #expect(received.message.isReply && received.message.request == request.rawValue)
    return received.message.payload
  }

  /// Whether the back end has ended the connection, in five seconds.
  func hasEnded() -> Bool {
    do throws(VhostUserError) {
      while true { _ = try socket.receive() }
    } catch { return error == .closed }
  }

  /// SET_MEM_TABLE with regions of `memory`, as many descriptors, or others.
  func share(_ regions: [[UInt64]]? = nil, descriptors: [Int32]? = nil) throws {
    let regions = regions ?? [[0, 8 << 20, Self.userBase, 0]]
    var writer = VextServiceWriter()
    writer.write(UInt32(regions.count))
    writer.write(0 as UInt32)
    for word in regions.joined() { writer.write(word) }
    let own = [Int32](repeating: memory.sharedDescriptor ?? -1, count: min(8, regions.count))
    try send(.setMemoryTable, writer.bytes, descriptors: descriptors ?? own)
  }

  /// The payload of SET_VRING_ADDR.
  static func addresses(_ index: Int, _ layout: VirtqueueLayout, flags: UInt32 = 0, base: UInt64 = userBase)
    -> [UInt8]
  {
    var writer = VextServiceWriter()
    writer.write(UInt32(index))
    writer.write(flags)
    for address in [layout.descriptorTable, layout.usedRing, layout.availableRing] {
      writer.write(address.rawValue &+ base)
    }
    writer.write(0 as UInt64)
    return writer.bytes
  }

  /// Negotiates, shares memory, and starts `count` rings; all of them use the same eventfds.
  func start(_ count: Int = 1, protocolFeatures: VhostUserProtocolFeatures = [], base: UInt32 = 0) throws {
    try send(.setProtocolFeatures, VhostUserMessage.payload(protocolFeatures.rawValue))
    try send(.setFeatures, VhostUserMessage.payload(Self.features.rawValue))
    try share()
    for index in 0..<count {
      if queues.count <= index {
        queues.append(
          try FakeVirtqueue(
            memory: memory, base: 0x1_0000 * UInt64(index + 1), size: Self.queueSize, usesEventIndex: true))
      }
      try startRing(index, base: base)
    }
  }

  /// Starts a ring.
  func startRing(_ index: Int, base: UInt32 = 0) throws {
    try send(.setVringSize, VhostUserMessage.payload(index: index, number: UInt32(Self.queueSize)))
    try send(.setVringBase, VhostUserMessage.payload(index: index, number: base))
    try send(.setVringAddress, Self.addresses(index, queues[index].layout))
    try send(.setVringCall, VhostUserMessage.payload(UInt64(index)), descriptors: [call.rawValue])
    try send(.setVringKick, VhostUserMessage.payload(UInt64(index)), descriptors: [kick.rawValue])
    try send(.setVringEnabled, VhostUserMessage.payload(index: index, number: 1))
  }

  /// Waits for all earlier messages.
  func flush() throws { _ = try ask(.getQueueCount) }

  /// Makes a request of 512 bytes available at `head`; its parts are at addresses of their own.
  func offer(_ type: UInt32, sector: UInt64, head: UInt16, queue: Int = 0, data: [UInt8] = []) throws {
    let place = Self.place(head, queue)
    try memory.store(type, at: GuestAddress(place))
    try memory.store(0 as UInt32, at: GuestAddress(place + 4))
    try memory.store(sector, at: GuestAddress(place + 8))
    try memory.store(0xEE as UInt8, at: GuestAddress(place + 16))
    if !data.isEmpty { try memory.write(data, at: GuestAddress(place + 512)) }
    let isRead = type == VirtioBlockFixture.Request.in
    let body = [(place + 512, UInt32(512))]
    try queues[queue].describeChain(
      head, readable: [(place, 16)] + (isRead ? [] : body),
      writable: (isRead ? body : []) + [(place + 16, 1)])
    try queues[queue].offer(head)
    kick.signal()
  }

  /// Waits for an answer; returns its head, status and data.
  func answer(queue: Int = 0) throws -> (head: UInt16, status: UInt8, data: [UInt8])? {
    for _ in 0..<5000 {
      if let used = try queues[queue].takeUsed() {
        let head = UInt16(truncatingIfNeeded: used.head)
        let place = Self.place(head, queue)
        return (
          head, try memory.load(UInt8.self, at: GuestAddress(place + 16)),
          try memory.read(512, at: GuestAddress(place + 512))
        )
      }
      HostClock.sleep(nanoseconds: 1_000_000)
    }
    return nil
  }

  private static func place(_ head: UInt16, _ queue: Int) -> UInt64 {
    0x20_0000 + UInt64(queue) * 0x1_0000 + UInt64(head) * 1024
  }
}
