import HostSystem
import Synchronization
import SystemPackage

/// The virtio device's side of a vhost driver: it hands the driver the rings, and takes them back.
///
/// KVM signals the driver for a notification of the guest (ioeventfd), and the driver signals KVM for an interrupt (irqfd): neither
/// passes through this process. The device thread raises the interrupts of virtio drivers without MSI-X, and reports rings that
/// break the rules. vCPU threads activate and deactivate with the transport's lock held; the device thread takes neither that lock
/// nor the one of the requests.
final class VhostFrontEnd: DescriptorHandler {
  /// A ring that is served, and its interrupt.
  private struct Served {
    var ring: VhostRing
    let channel: VirtqueueChannel
  }

  private struct State {
    var backEnd: VhostKernelBackEnd
    var served: [Served] = []
  }

  /// What the device thread needs of a ring that is served.
  private struct Watched {
    let channel: VirtqueueChannel
    /// Whether it was reported that the ring breaks the rules.
    var hasFailed = false
  }

  /// An eventfd that the driver signals and that the device thread waits for.
  private final class Signal: Sendable {
    let event: EventDescriptor
    init() throws(Errno) { event = try EventDescriptor() }
  }

  /// The features that the vhost driver knows.
  let features: VirtioFeatures
  private let function: VhostFunction
  private let firstQueue: Int
  private let memory: GuestMemory
  private let log: VextLog
  private let state: Mutex<State>
  private let watched = Mutex<[Int: Watched]>([:])
  /// One for each ring: interrupts of virtio drivers without MSI-X.
  private let calls: [Signal]
  /// One for each ring: violations.
  private let errors: [Signal]

  /// Takes over `driver`, which nobody has used.
  ///
  /// - Parameters:
  ///   - ringCount: all of them must be set up when the device starts.
  ///   - firstQueue: the number of the queue that is the vhost driver's ring 0.
  ///   - thread: keeps this object until it ends.
  init(
    _ driver: any VhostDriver, function: VhostFunction, ringCount: Int, firstQueue: Int = 0,
    memory: GuestMemory, thread: DeviceThread, log: VextLog
  ) throws(VhostError) {
    let backEnd = VhostKernelBackEnd(driver)
    try backEnd.perform(.setOwner, "VHOST_SET_OWNER")
    do throws(Errno) { features = try driver.features() } catch {
      throw .failed("VHOST_GET_FEATURES", error)
    }
    guard features.isSuperset(of: VhostKernelBackEnd.ringFeatures) else {
      throw .lacks("VIRTIO_F_VERSION_1, VIRTIO_RING_F_EVENT_IDX or VIRTIO_RING_F_INDIRECT_DESC")
    }
    var (calls, errors): ([Signal], [Signal]) = ([], [])
    do throws(Errno) {
      for _ in 0..<ringCount {
        calls.append(try Signal())
        errors.append(try Signal())
      }
    } catch { throw .failed("eventfd", error) }
    for (ring, error) in errors.enumerated() {
      try backEnd.perform(.setError(ring: ring, error.event.rawValue), "VHOST_SET_VRING_ERR")
    }
    (self.calls, self.errors) = (calls, errors)
    self.function = function
    self.firstQueue = firstQueue
    self.memory = memory
    self.log = log
    state = Mutex(State(backEnd: backEnd))
    do throws(Errno) {
      for signal in self.calls + self.errors { try thread.add(self, descriptor: signal.event.rawValue) }
    } catch { throw .failed("epoll_ctl", error) }
  }

  /// Makes a request before the rings are served.
  func perform(_ request: VhostRequest, _ name: String) throws(VhostError) {
    try state.withLock { (state) throws(VhostError) in try state.backEnd.perform(request, name) }
  }

  // MARK: The transport's calls

  /// Hands the rings of `queues` to the driver, or reports a failure to the guest.
  ///
  /// - Parameters:
  ///   - features: those that the virtio driver negotiated and the vhost driver has to know.
  ///   - bases: the positions of rings that were served before, by their numbers; others start at 0.
  func activate(
    _ queues: [VirtioQueueBinding], features: VirtioFeatures, bases: [Int: UInt16] = [:]
  ) {
    state.withLock { state in
      let queues = queues.filter { calls.indices.contains($0.index - firstQueue) }
      state.served = queues.map { binding in
        let ring = binding.index - firstQueue
        return Served(
          ring: VhostRing(
            index: ring, layout: binding.layout, kick: binding.channel.notificationDescriptor,
            call: call(of: binding.channel, ring)),
          channel: binding.channel)
      }
      watched.withLock { watched in
        for served in state.served { watched[served.ring.index] = Watched(channel: served.channel) }
      }
      let rings = state.served.map(\.ring)
      do throws(VhostError) {
        for ring in calls.indices where !rings.contains(where: { $0.index == ring }) {
          throw .queueMissing(ring + firstQueue)
        }
        try state.backEnd.start(rings, features: features, memory: memory) { bases[$0.index] ?? 0 }
        for step in function.starting(rings) { try state.backEnd.perform(step.request, step.name) }
      } catch {
        log.warn("\(error); the device needs a reset")
        let channels = state.served.map(\.channel)
        takeBack(&state)
        for channel in channels { channel.fail(.notServed(.invalidArgument)) }
      }
    }
  }

  /// Takes the rings back; returns when the driver does not use them any more.
  ///
  /// - Returns: the positions of the rings, by their numbers.
  @discardableResult
  func deactivate() -> [Int: UInt16] { state.withLock { takeBack(&$0) } }

  @discardableResult
  private func takeBack(_ state: inout State) -> [Int: UInt16] {
    let rings = state.served.map(\.ring)
    watched.withLock { $0 = [:] }
    state.served = []
    guard !rings.isEmpty else { return [:] }
    var bases: [Int: UInt16] = [:]
    do throws(VhostError) {
      for step in function.stopping(rings) { try state.backEnd.perform(step.request, step.name) }
      for ring in rings { bases[ring.index] = try state.backEnd.stop(ring.index) }
    } catch {
      // No request of these fails for a driver that runs the rings, and one that does not run them has nothing to stop.
      log.warn("\(error)")
    }
    return bases
  }

  /// Tells the driver which eventfd is the queue's interrupt now.
  func interruptChanged(ofQueue index: Int) {
    state.withLock { state in
      guard let place = state.served.firstIndex(where: { $0.ring.index == index - firstQueue }) else {
        return
      }
      let call = call(of: state.served[place].channel, index - firstQueue)
      guard call != state.served[place].ring.call else { return }
      state.served[place].ring.call = call
      do throws(VhostError) { try state.backEnd.setCall(state.served[place].ring) } catch {
        log.warn("\(error); the device needs a reset")
        state.served[place].channel.fail(.notServed(.invalidArgument))
      }
    }
  }

  /// The eventfd that the driver signals for a queue: the interrupt itself, or one that the device thread turns into it.
  private func call(of channel: VirtqueueChannel, _ ring: Int) -> Int32 {
    channel.sharedInterruptDescriptor ?? calls[ring].event.rawValue
  }

  // MARK: The device thread

  /// Raises an interrupt, or reports a violation.
  func descriptorIsReady(_ descriptor: Int32) {
    if let ring = calls.firstIndex(where: { $0.event.rawValue == descriptor }) {
      calls[ring].event.drain()
      watched.withLock { $0[ring]?.channel }?.interrupt()
    } else if let ring = errors.firstIndex(where: { $0.event.rawValue == descriptor }) {
      errors[ring].event.drain()
      reportViolation(ring)
    }
  }

  /// Reports once that a ring breaks the rules. The driver serves it on, as far as it can, until the guest resets the device.
  private func reportViolation(_ ring: Int) {
    let channel = watched.withLock { watched -> VirtqueueChannel? in
      guard let entry = watched[ring], !entry.hasFailed else { return nil }
      watched[ring]?.hasFailed = true
      return entry.channel
    }
    guard let channel else { return }
    log.warn("queue \(ring + firstQueue) breaks the rules of virtqueues; the device needs a reset")
    channel.fail(.notServed(.invalidArgument))
  }
}
