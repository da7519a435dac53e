import HostSystem
import Synchronization
import SystemPackage
import VextProtocol

/// What a ``VhostUserDevice`` and its thread share.
///
/// vCPU threads activate and deactivate with the transport's lock held; the watcher thread never takes that lock.
final class VhostUserFrontEnd: Sendable {
  /// What the back end said when the device was made, which the driver relies on.
  struct Offer: Equatable, Sendable {
    /// The features that a driver may see.
    var features: VirtioFeatures
    var queueCount: Int
  }

  /// A ring that is served, and its interrupt.
  struct Served: Sendable {
    var ring: VhostRing
    let channel: VirtqueueChannel
  }

  struct State: ~Copyable {
    /// Nil while no back end is there.
    var link: VhostUserLink?
    /// A connection that was ended here, whose back end may still use the guest's memory.
    var leaving: VhostUserSocket?
    var inflight: VhostUserInflight?
    var served: [Served] = []
    var features: VirtioFeatures = []

    init(_ link: consuming VhostUserLink) { self.link = consume link }
  }

  /// An eventfd that a back end signals and that this process turns into an interrupt.
  final class CallEvent: Sendable {
    let event: EventDescriptor
    init() throws(Errno) { event = try EventDescriptor() }
  }

  let offer: Offer
  let kind: VhostUserDeviceKind
  let memory: GuestMemory
  let log: VextLog
  let successorTimeoutNanoseconds: UInt64
  let connect: @Sendable () throws(Errno) -> DescriptorStream
  let stop: EventDescriptor
  let poll: EventPoll
  let state: Mutex<State>
  /// One for each queue: for drivers without MSI-X.
  let calls: [CallEvent]
  /// The channels of the rings that are served, for ``calls``.
  let channels = Mutex<[Int: VirtqueueChannel]>([:])
  /// The back end's own requests arrive here.
  let requests: VhostUserSocket
  /// The other end, which each back end gets.
  private let requestsOfBackEnd: OwnedDescriptor
  private let configurationBytes: Mutex<[UInt8]>
  private let queueSize: UInt16

  init(
    kind: VhostUserDeviceKind, queueSize: UInt16, memory: GuestMemory, log: VextLog,
    successorTimeoutNanoseconds: UInt64,
    connect: @escaping @Sendable () throws(Errno) -> DescriptorStream
  ) throws(VhostUserError) {
    let link = try Self.open(kind, connect)
    let (offer, bytes) = try Self.offer(of: link, kind)
    do throws(Errno) {
      var other: OwnedDescriptor?
      requests = VhostUserSocket(try DescriptorStream(other: &other))
      guard let other = other.take() else { throw .badFileDescriptor }
      requestsOfBackEnd = other
      stop = try EventDescriptor()
      poll = try EventPoll()
      var calls: [CallEvent] = []
      for _ in 0..<offer.queueCount { calls.append(try CallEvent()) }
      self.calls = calls
    } catch { throw .failed(error) }
    self.offer = offer
    self.kind = kind
    self.memory = memory
    self.log = log
    self.successorTimeoutNanoseconds = successorTimeoutNanoseconds
    self.connect = connect
    self.queueSize = queueSize
    configurationBytes = Mutex(kind.configuration(bytes, queueCount: offer.queueCount))
    try Self.shareRequests(link, requestsOfBackEnd.rawValue)
    state = Mutex(State(link))
    do throws(Errno) { try watchDescriptors() } catch { throw .failed(error) }
  }

  /// Connects and agrees on the protocol's features.
  static func open(
    _ kind: VhostUserDeviceKind, _ connect: () throws(Errno) -> DescriptorStream
  ) throws(VhostUserError) -> VhostUserLink {
    let socket: VhostUserSocket
    do throws(Errno) { socket = VhostUserSocket(try connect()) } catch { throw .cannotConnect(error) }
    return try VhostUserLink.greet(socket, needed: kind.neededFeatures)
  }

  /// Reads what the back end offers, and its configuration.
  static func offer(
    of link: borrowing VhostUserLink, _ kind: VhostUserDeviceKind
  ) throws(VhostUserError) -> (Offer, configuration: [UInt8]) {
    let byteCount = kind.backEndConfigurationByteCount
    let bytes = byteCount > 0 ? try link.configuration(byteCount: byteCount) : []
    guard link.features.contains(.version1) else { throw .missing("VIRTIO_F_VERSION_1") }
    let rings: VirtioFeatures = [.indirectDescriptors, .eventIndex, .version1]
    let features = link.features.intersection(kind.typeFeatures.union(rings))
    let count = try kind.queueCount(
      offered: try link.queueCount(), configured: kind.configuredQueueCount(bytes, features: features))
    return (Offer(features: features, queueCount: count), bytes)
  }

  private static func shareRequests(
    _ link: borrowing VhostUserLink, _ descriptor: Int32
  ) throws(VhostUserError) {
    if link.protocolFeatures.contains(.backEndChannel) { try link.setBackEndChannel(descriptor) }
  }

  var configuration: [UInt8] { configurationBytes.withLock { $0 } }

  // MARK: The transport's calls

  func writeConfiguration(offset: UInt64, byteCount: Int, value: UInt64) {
    let bytes = (0..<byteCount).map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
    let length = kind.backEndConfigurationByteCount
    guard let offset = Int(exactly: offset), offset < length, bytes.count <= length - offset else { return }
    state.withLock { state in
      perform(&state) { link throws(VhostUserError) in
        guard link.protocolFeatures.contains(.configuration) else { return }
        try link.setConfiguration(offset: offset, bytes: bytes)
        try readConfiguration(link)
      }
    }
  }

  func activate(_ queues: [VirtioQueueBinding], features: VirtioFeatures) {
    state.withLock { state in
      state.features = features
      state.served = queues.map { binding in
        Served(
          ring: VhostRing(
            index: binding.index, layout: binding.layout, kick: binding.channel.notificationDescriptor,
            call: call(of: binding.channel, binding.index)),
          channel: binding.channel)
      }
      channels.withLock { channels in
        for served in state.served { channels[served.ring.index] = served.channel }
      }
      guard state.link != nil else { return fail(state.served, .connectionReset) }
      let (rings, count) = (state.served.map(\.ring), offer.queueCount)
      var inflight: VhostUserInflight?
      perform(&state) { link throws(VhostUserError) in
        if link.protocolFeatures.contains(.inflight) {
          let fresh = try link.inflight(queueCount: count, queueSize: queueSize)
          try link.setInflight(fresh)
          inflight = consume fresh
        }
        try link.start(rings, features: features, memory: memory) { _ in 0 }
      }
      state.inflight = inflight.take()
    }
  }

  func deactivate() {
    state.withLock { state in
      let rings = state.served.map(\.ring)
      channels.withLock { $0 = [:] }
      perform(&state) { link throws(VhostUserError) in try link.stop(rings) }
      state.served = []
      state.inflight = nil
      // A back end that was sent away lets go of the guest's memory when it sees the end of the connection.
      let deadline = HostClock.monotonicNanoseconds() &+ DiskTimeout.nanoseconds
      while !Self.hasLeft(&state), HostClock.monotonicNanoseconds() < deadline {
        HostClock.sleep(nanoseconds: 1_000_000)
      }
      if state.leaving != nil {
        log.warn("the back end does not let go of the guest's memory; the guest waits")
      }
    }
  }

  func interruptChanged(ofQueue index: Int) {
    state.withLock { state in
      guard let place = state.served.firstIndex(where: { $0.ring.index == index }) else { return }
      let call = call(of: state.served[place].channel, index)
      guard call != state.served[place].ring.call else { return }
      state.served[place].ring.call = call
      let ring = state.served[place].ring
      perform(&state) { link throws(VhostUserError) in try link.setCall(ring) }
    }
  }

  var isQuiet: Bool { state.withLock { Self.hasLeft(&$0) } }

  // MARK: The connection

  /// Uses the link, if there is one; sends the back end away if that fails.
  func perform(_ state: inout State, _ body: (inout VhostUserLink) throws(VhostUserError) -> Void) {
    guard var link = state.link.take() else { return }
    do throws(VhostUserError) {
      try body(&link)
      state.link = consume link
    } catch {
      // The watcher sees the end of the connection, too, and deals with it.
      if error == .closed { return state.link = consume link }
      log.warn("\(error)")
      link.socket.stream.end()
      state.leaving = link.release()
      fail(state.served, .connectionReset)
    }
  }

  /// Reports to the driver that its queues are not served any more.
  func fail(_ served: [Served], _ error: Errno) {
    guard !served.isEmpty else { return }
    log.warn("the queues fail: the device needs a reset")
    for served in served { served.channel.fail(.notServed(error)) }
  }

  /// Whether no back end that was sent away is still there.
  private static func hasLeft(_ state: inout State) -> Bool {
    guard let socket = state.leaving.take() else { return true }
    do throws(Errno) {
      // What a back end still sends is thrown away, a part at a time: it may never end.
      for _ in 0..<4096 where try socket.stream.receive(byteCount: 1, deadline: 0).bytes.isEmpty {
        return true
      }
      throw .timedOut
    } catch {
      guard error == .timedOut else { return true }
      state.leaving = consume socket
      return false
    }
  }

  /// The eventfd that the back end signals for a queue: the interrupt itself, or one that the watcher turns into it.
  private func call(of channel: VirtqueueChannel, _ index: Int) -> Int32 {
    channel.sharedInterruptDescriptor ?? calls[index].event.rawValue
  }

  /// Reads the configuration again, and tells the driver if it has changed.
  func readConfiguration(_ link: borrowing VhostUserLink) throws(VhostUserError) {
    let bytes = try link.configuration(byteCount: kind.backEndConfigurationByteCount)
    let new = kind.configuration(bytes, queueCount: offer.queueCount)
    let hasChanged = configurationBytes.withLock { old in
      defer { old = new }
      return old != new
    }
    guard hasChanged else { return }
    channels.withLock { $0.values.first }?.configurationChanged()
  }

  /// Connects to a successor, which is to offer the same device.
  func openSuccessor() throws(VhostUserError) -> VhostUserLink {
    let link = try Self.open(kind, connect)
    let (theirs, bytes) = try Self.offer(of: link, kind)
    guard theirs.features.isSuperset(of: offer.features) else { throw .changed("the set of features") }
    guard theirs.queueCount >= offer.queueCount else { throw .changed("the number of queues") }
    guard kind.configuration(bytes, queueCount: offer.queueCount) == configuration else {
      throw .changed("the configuration")
    }
    try Self.shareRequests(link, requestsOfBackEnd.rawValue)
    return link
  }
}
