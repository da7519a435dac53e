import HostSystem
import SystemPackage

/// A receive and a transmit queue over one port. Its thread alone touches its state.
final class VirtioNetPair: DescriptorHandler, @unchecked Sendable {
  /// What the driver agreed to.
  struct Agreement: Sendable {
    let headerByteCount: Int
    let mergesBuffers: Bool
    let offloads: FramePort.Offloads

    init(_ features: VirtioFeatures) {
      mergesBuffers = features.contains(.netMergeableBuffers)
      headerByteCount =
        mergesBuffers || features.contains(.version1)
        ? VirtioNetProtocol.headerByteCount : VirtioNetProtocol.shortHeaderByteCount
      var offloads: FramePort.Offloads = []
      // Large segments have incomplete checksums: the one is of no use without the other (§5.1.3.1).
      if features.contains(.netGuestChecksum) {
        offloads = .checksum
        if features.contains(.netGuestSegmentation4) { offloads.insert(.segmentation4) }
        if features.contains(.netGuestSegmentation6) { offloads.insert(.segmentation6) }
      }
      self.offloads = offloads
    }
  }

  private let port: FramePort
  private let thread: DeviceThread
  private let agreement: Agreement
  private let receiver: VirtioNetReceiver
  private var transmitter: VirtioNetTransmitter
  private var receiveService: VirtqueueService?
  private var transmitService: VirtqueueService?
  private let portEnded: @Sendable () -> Void
  private var isServing = false
  private var hasEnded = false
  /// What the port is watched for; not at all where that is nothing, for its end would be reported without end.
  private var interest: DescriptorInterest = []

  /// A pair that does not serve yet.
  ///
  /// - Parameter portEnded: called on `thread` when the port breaks.
  init(
    receive: VirtioQueueBinding?, transmit: VirtioQueueBinding?, port: FramePort, agreement: Agreement,
    counters: VirtioNetCounters, memory: GuestMemory, thread: DeviceThread,
    portEnded: @escaping @Sendable () -> Void
  ) {
    self.port = port
    self.thread = thread
    self.agreement = agreement
    self.portEnded = portEnded
    receiver = VirtioNetReceiver(
      port: port, headerByteCount: agreement.headerByteCount, mergesBuffers: agreement.mergesBuffers,
      takesLargeFrames: agreement.offloads != .checksum && !agreement.offloads.isEmpty, counters: counters)
    transmitter = VirtioNetTransmitter(
      port: port, headerByteCount: agreement.headerByteCount, counters: counters)
    receiveService = receive.map { binding in
      VirtqueueService(binding, memory: memory, thread: thread) { [weak self] in self?.receive($0) }
    }
    transmitService = transmit.map { binding in
      VirtqueueService(binding, memory: memory, thread: thread) { [weak self] in self?.transmit($0) }
    }
  }

  /// Serves from now on. Any thread, but one at a time calls this and ``stop()``.
  func start() { thread.run { [self] in startServing() } }

  /// Serves no more; returns when no queue is touched any more.
  func stop() { thread.run { [self] in stopServing() } }

  /// The port is ready for what it is watched for.
  func descriptorIsReady(_ descriptor: Int32) {
    let ready = interest
    if ready.contains(.writable) { transmitService?.kick() }
    if ready.contains(.readable) { receiveService?.kick() }
  }

  private func startServing() {
    guard !isServing, !hasEnded else { return }
    isServing = true
    do {
      try port.takePart(true)
      try port.agree(headerByteCount: agreement.headerByteCount, offloads: agreement.offloads)
      try receiveService?.start()
      try transmitService?.start()
    } catch {
      end()
    }
  }

  private func stopServing() {
    guard isServing else { return }
    isServing = false
    receiveService?.stop()
    transmitService?.stop()
    watch([])
    do { try port.takePart(false) } catch { end() }
  }

  private func receive(_ queue: ServedVirtqueue) {
    guard isServing, !hasEnded else { return }
    switch receiver.pass(queue) {
    case .waitsForPort: watch(interest.union(.readable))
    case .waitsForDriver: watch(interest.subtracting(.readable))
    case .hasMore: queue.notifyAgain()
    case .ended: end()
    }
  }

  private func transmit(_ queue: ServedVirtqueue) {
    guard isServing else { return }
    switch transmitter.pass(queue) {
    case .waitsForPort: watch(interest.union(.writable))
    case .waitsForDriver: watch(interest.subtracting(.writable))
    case .hasMore: queue.notifyAgain()
    case .ended: end()
    }
  }

  /// There is no network any more: nothing comes in, and what goes out is dropped.
  private func end() {
    guard !hasEnded else { return }
    hasEnded = true
    watch([])
    portEnded()
  }

  private func watch(_ new: DescriptorInterest) {
    guard new != interest, new.isEmpty || !hasEnded else { return }
    let old = interest
    interest = new
    do {
      if new.isEmpty {
        thread.remove(descriptor: port.rawValue)
      } else if old.isEmpty {
        try thread.add(self, descriptor: port.rawValue, interest: new)
      } else {
        try thread.change(descriptor: port.rawValue, interest: new)
      }
    } catch {
      interest = old
      end()
    }
  }
}
