import Synchronization
import SystemPackage

/// A receive and a transmit queue of a network device that a vhost driver serves over a tap.
final class VhostNetPair: VirtioNetQueues {
  private struct State {
    var isServing = false
    /// The positions at which the rings continue, by their numbers.
    var bases: [Int: UInt16] = [:]
  }

  private let queues: [VirtioQueueBinding]
  private let port: FramePort
  private let agreement: VirtioNetPair.Agreement
  private let features: VirtioFeatures
  private let frontEnd: VhostFrontEnd
  private let portEnded: @Sendable () -> Void
  private let state = Mutex(State())

  /// Makes a pair that is not served yet.
  ///
  /// - Parameters:
  ///   - queues: those of the device, which the pair's are among.
  ///   - features: those that the virtio driver negotiated.
  ///   - portEnded: called when the tap refuses what the pair needs.
  init(
    _ queues: [VirtioQueueBinding], port: FramePort, agreement: VirtioNetPair.Agreement,
    features: VirtioFeatures, frontEnd: VhostFrontEnd, portEnded: @escaping @Sendable () -> Void
  ) {
    self.queues = queues
    self.port = port
    self.agreement = agreement
    self.frontEnd = frontEnd
    self.portEnded = portEnded
    var known = features.intersection(VhostKernelBackEnd.ringFeatures.union(.netMergeableBuffers))
    // The vhost driver makes the header before each frame where the tap does not.
    if !port.carriesHeader { known.insert(.vhostNetHeader) }
    self.features = known
  }

  func start() {
    state.withLock { state in
      guard !state.isServing else { return }
      do throws(Errno) {
        try port.takePart(true)
        try port.agree(headerByteCount: agreement.headerByteCount, offloads: agreement.offloads)
      } catch { return portEnded() }
      frontEnd.activate(queues, features: features, bases: state.bases)
      state.isServing = true
    }
  }

  func stop() {
    state.withLock { state in
      guard state.isServing else { return }
      state.isServing = false
      state.bases = frontEnd.deactivate()
      do throws(Errno) { try port.takePart(false) } catch { portEnded() }
    }
  }
}

extension VirtioFeatures {
  /// VHOST_NET_F_VIRTIO_NET_HDR: the vhost driver makes the header before each frame. No virtio driver sees it; the bit is
  /// ``anyLayout`` there.
  static let vhostNetHeader = VirtioFeatures(rawValue: 1 << 27)
}

extension VirtioNet {
  /// The vhost driver's device for networks.
  public static let vhostPath = "/dev/vhost-net"

  /// Makes a device whose pair `i` vhost_net serves over the tap of `ports[i]`; `thread` serves the control queue.
  ///
  /// - Parameters:
  ///   - ports: one to eight ports of taps; several ports are the queues of one tap.
  ///   - address: the guest's address; the driver may change it.
  ///   - mtu: the MTU that the device reports; nil for none.
  ///   - machine: names the guest in the log.
  public convenience init(
    vhostPorts ports: [FramePort], address: MACAddress, mtu: UInt16? = nil, memory: GuestMemory,
    thread: DeviceThread, machine: String
  ) throws(VhostError) {
    var frontEnds: [VhostFrontEnd] = []
    let log = VextLog(device: "\(machine) network:")
    for port in ports {
      let file = try VhostFile(path: Self.vhostPath, module: "vhost_net")
      frontEnds.append(
        try Self.frontEnd(file, frontEnds.count, port, memory: memory, thread: thread, log: log))
    }
    self.init(
      ports: ports, address: address, mtu: mtu, queueDepth: 256, memory: memory, threads: [thread],
      frontEnds: frontEnds)
  }

  /// The front end of pair `index`.
  static func frontEnd(
    _ driver: any VhostDriver, _ index: Int, _ port: FramePort, memory: GuestMemory, thread: DeviceThread,
    log: VextLog
  ) throws(VhostError) -> VhostFrontEnd {
    try VhostFrontEnd(
      driver, function: .frames(tap: port.rawValue), ringCount: 2, firstQueue: index * 2, memory: memory,
      thread: thread, log: log)
  }
}
