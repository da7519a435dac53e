import Synchronization

/// A virtio network device (virtio 1.2 §5.1), whose pairs of queues each have a port.
///
/// One read of a ``FramePort`` is a frame, and one write is one; the device knows nothing else of the network.
public final class VirtioNet: VirtioDevice {
  struct State {
    var address: MACAddress
    var isLinkUp = true
    var pairs: [any VirtioNetQueues] = []
    var control: VirtqueueService?
    /// The channel of any queue, by which the driver learns of a changed configuration.
    var channel: VirtqueueChannel?
  }

  /// The features that the ports allow.
  public let features: VirtioFeatures
  /// The receive and transmit queues in turn, and the control queue.
  public let queueSizes: [UInt16]
  let ports: [FramePort]
  let threads: [DeviceThread]
  let memory: GuestMemory
  let counters: [VirtioNetCounters]
  let state: Mutex<State>
  /// One for each pair if vhost drivers serve the pairs.
  let frontEnds: [VhostFrontEnd]
  private let mtu: UInt16?

  /// Makes a device whose pair `i` uses `ports[i]` and is served by `threads[i % threads.count]`.
  ///
  /// - Parameters:
  ///   - ports: one to eight ports; several ports are the queues of one tap.
  ///   - address: the guest's address; the driver may change it.
  ///   - mtu: the MTU that the device reports; nil for none.
  ///   - queueDepth: a power of two up to 1024.
  public convenience init(
    ports: [FramePort], address: MACAddress, mtu: UInt16? = nil, queueDepth: UInt16 = 256,
    memory: GuestMemory, threads: [DeviceThread]
  ) {
    self.init(
      ports: ports, address: address, mtu: mtu, queueDepth: queueDepth, memory: memory, threads: threads,
      frontEnds: [])
  }

  /// The same with vhost drivers for the pairs, or none.
  init(
    ports: [FramePort], address: MACAddress, mtu: UInt16?, queueDepth: UInt16, memory: GuestMemory,
    threads: [DeviceThread], frontEnds: [VhostFrontEnd]
  ) {
    precondition(frontEnds.isEmpty || frontEnds.count == ports.count, "a vhost driver for each pair")
    precondition(!ports.isEmpty && ports.count <= VirtioNetProtocol.pairLimit, "from one port to eight")
    precondition(!threads.isEmpty, "a network device needs a thread")
    precondition(queueDepth.nonzeroBitCount == 1 && queueDepth <= 1024, "a power of two up to 1024")
    self.ports = ports
    self.threads = threads
    self.memory = memory
    self.mtu = mtu
    self.frontEnds = frontEnds
    features = Self.features(of: ports, hasMTU: mtu != nil).subtracting(
      frontEnds.allSatisfy { $0.features.contains(.netMergeableBuffers) } ? [] : .netMergeableBuffers)
    queueSizes = [UInt16](repeating: queueDepth, count: ports.count * 2 + 1)
    counters = ports.map { _ in VirtioNetCounters() }
    state = Mutex(State(address: address))
  }

  /// 1 (virtio 1.2 §5.1.1).
  public var deviceID: UInt16 { VirtioNetProtocol.deviceID }

  /// An Ethernet controller.
  public var classCode: UInt32 { 0x02_00_00 }

  /// Address, link, pairs, MTU (virtio 1.2 §5.1.4).
  public var configuration: [UInt8] {
    let (address, isLinkUp) = state.withLock { ($0.address, $0.isLinkUp) }
    func bytes(_ value: UInt16) -> [UInt8] {
      [UInt8(truncatingIfNeeded: value), UInt8(truncatingIfNeeded: value >> 8)]
    }
    return address.bytes + bytes(isLinkUp ? VirtioNetProtocol.linkUp : 0) + bytes(UInt16(ports.count))
      + bytes(mtu ?? 0)
  }

  /// Sets the address, as a legacy driver does (virtio 1.2 §5.1.4). All other writes are ignored.
  public func writeConfiguration(offset: UInt64, byteCount: Int, value: UInt64) {
    guard offset < UInt64(MACAddress.byteCount), (1...8).contains(byteCount) else { return }
    state.withLock { state in
      var bytes = state.address.bytes
      for index in 0..<min(byteCount, bytes.count - Int(offset)) {
        bytes[Int(offset) + index] = UInt8(truncatingIfNeeded: value >> UInt64(index * 8))
      }
      if let address = MACAddress(bytes) { state.address = address }
    }
  }

  /// Whether vhost drivers signal the eventfds of interrupts.
  public var sharesInterrupts: Bool { !frontEnds.isEmpty }

  /// Tells the vhost driver of the queue's pair, if there is one.
  public func interruptChanged(ofQueue index: Int) {
    for frontEnd in frontEnds { frontEnd.interruptChanged(ofQueue: index) }
  }

  /// The guest's address, as the guest set it last.
  public var address: MACAddress { state.withLock { $0.address } }

  /// Whether ``statistics`` counts: not where vhost drivers move the frames.
  var countsFrames: Bool { frontEnds.isEmpty }

  /// Counts of frames, over all pairs.
  public var statistics: VirtioNetStatistics {
    counters.reduce(into: VirtioNetStatistics()) { $1.add(to: &$0) }
  }

  /// Sets the state of the link as the guest sees it. Any thread.
  public func setLink(isUp: Bool) {
    let channel = state.withLock { state -> VirtqueueChannel? in
      guard state.isLinkUp != isUp else { return nil }
      state.isLinkUp = isUp
      return state.channel
    }
    channel?.configurationChanged()
  }

  private static func features(of ports: [FramePort], hasMTU: Bool) -> VirtioFeatures {
    var features: VirtioFeatures = [
      .indirectDescriptors, .eventIndex, .netAddress, .netStatus, .netMergeableBuffers, .netControlQueue,
      .netReceiveMode, .netSetAddress,
    ]
    if ports.allSatisfy(\.carriesHeader) {
      features.formUnion([
        .netChecksum, .netGuestChecksum, .netSegmentation4, .netSegmentation6, .netGuestSegmentation4,
        .netGuestSegmentation6,
      ])
    }
    if ports.count > 1 { features.insert(.netMultiqueue) }
    if hasMTU { features.insert(.netMTU) }
    return features
  }
}
