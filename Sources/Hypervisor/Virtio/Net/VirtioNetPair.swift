import HostSystem
import SystemPackage

/// A receive and a transmit queue that are served together: by a device thread, or by a vhost driver.
protocol VirtioNetQueues: AnyObject, Sendable {
  /// Starts serving. Any thread, but only one at a time may call this and ``stop()``.
  func start()

  /// Stops serving; returns when no thread uses the queues any more.
  func stop()
}

/// A receive and a transmit queue over one port. Only its thread uses its state.
final class VirtioNetPair: VirtioNetQueues, DescriptorHandler, @unchecked Sendable {
  /// The features on which device and driver agreed.
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
      // Large segments have incomplete checksums, so that they need this feature (§5.1.3.1).
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
  /// The watched interest of the port. An empty interest is not watched at all, because its end would be reported again
  /// and again.
  private var interest: DescriptorInterest = []

  /// Makes a pair that does not serve yet.
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

  func start() { thread.run { [self] in startServing() } }

  func stop() { thread.run { [self] in stopServing() } }

  /// Called when the port is ready for the watched interest.
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
