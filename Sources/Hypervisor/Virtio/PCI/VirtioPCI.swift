import HostSystem
import Synchronization
public import SystemPackage
import VextProtocol

/// The PCI transport of a virtio device, without the legacy interface (virtio 1.2 §4.1).
///
/// vCPU threads access it. One lock serializes what they do, and stays held while queues are handed to and taken
/// back from their I/O threads, so that a driver which reads a status of zero knows that the reset is over. I/O
/// threads never take that lock.
public final class VirtioPCI: PCIFunction {
  /// A queue as the driver sets it up.
  struct QueueRegisters {
    var layout: VirtqueueLayout
    var isEnabled = false
  }

  /// What the common configuration structure holds (virtio 1.2 §4.1.4.3).
  struct State {
    var deviceFeatureSelect: UInt32 = 0
    var driverFeatureSelect: UInt32 = 0
    var driverFeatures: UInt64 = 0
    var status: VirtioDeviceStatus = []
    var queueSelect: UInt16 = 0
    var queues: [QueueRegisters]
    var isServing = false
    var isShutDown = false

    init(queueSizes: [UInt16]) {
      queues = queueSizes.map { QueueRegisters(layout: VirtqueueLayout(size: $0)) }
    }
  }

  /// The configuration space.
  public let configuration: PCIConfigurationSpace
  let device: any VirtioDevice
  let signals: VirtioSignals
  let channels: [VirtqueueChannel]
  let vectorCount: Int
  let offeredFeatures: VirtioFeatures
  let queueSizes: [UInt16]
  private let memory: GuestMemory
  private let state: Mutex<State>

  /// A function that carries `device`, with one MSI-X vector a queue and one for the configuration.
  ///
  /// - Throws: EINVAL where the device has too many queues for that; errors of eventfds and of the router.
  public init(
    device: any VirtioDevice, memory: GuestMemory, router: any MessageInterruptRouter
  ) throws(Errno) {
    let queueSizes = device.queueSizes
    let msix = try MSIXTable(vectorCount: queueSizes.count + 1, router: router)
    let signals = VirtioSignals(msix: msix)
    var channels: [VirtqueueChannel] = []
    for _ in queueSizes { channels.append(try VirtqueueChannel(signals: signals)) }
    let identity = PCIIdentity(
      vendor: VirtioPCILayout.vendor, device: VirtioPCILayout.firstDevice + device.deviceID,
      classCode: device.classCode, revision: VirtioPCILayout.revision)
    configuration = PCIConfigurationSpace(
      identity: identity, bars: [VirtioPCILayout.structuresBAR: VirtioPCILayout.structuresByteCount],
      vendorCapabilities: VirtioPCILayout.capabilities(queueCount: queueSizes.count),
      msix: (VirtioPCILayout.msixBAR, msix))
    self.device = device
    self.memory = memory
    self.signals = signals
    self.channels = channels
    self.queueSizes = queueSizes
    vectorCount = msix.vectorCount
    offeredFeatures = device.features.union(.version1)
    state = Mutex(State(queueSizes: queueSizes))
  }

  /// One for each queue, whose value does not matter.
  public var notifications: [PCINotification] {
    channels.enumerated().map { index, channel in
      PCINotification(
        bar: VirtioPCILayout.structuresBAR,
        offset: VirtioPCILayout.notifyOffset + UInt64(index) * VirtioPCILayout.notifyMultiplier,
        eventDescriptor: channel.notificationDescriptor)
    }
  }

  /// What stopped a queue, or kept the device from starting, since the last reset.
  public var failure: VirtqueueError? { signals.failure }

  /// The device status as a driver reads it.
  public var status: VirtioDeviceStatus { state.withLock { reportedStatus($0) } }

  /// Takes the queues back from their I/O threads for good. The guest no longer runs, or what it does is ignored.
  public func shutDown() {
    state.withLock { state in
      stopServing(&state)
      state.isShutDown = true
    }
  }

  /// Reads any number of bytes, at most eight, at any offset; what is not there is zero.
  public func readBAR(_ bar: Int, offset: UInt64, byteCount: Int) -> UInt64 {
    guard bar == VirtioPCILayout.structuresBAR, (1...8).contains(byteCount) else { return 0 }
    switch offset {
    case ..<VirtioPCILayout.commonByteCount:
      return state.withLock { state in
        assemble(byteCount) { commonByte(state, offset + $0) }
      }
    case VirtioPCILayout.isrOffset:
      return UInt64(signals.takeISR())
    case VirtioPCILayout.deviceOffset..<VirtioPCILayout.deviceOffset + VirtioPCILayout.deviceByteCount:
      return state.withLock { _ in
        let bytes = device.configuration
        let start = offset - VirtioPCILayout.deviceOffset
        return assemble(byteCount) { start + $0 < UInt64(bytes.count) ? bytes[Int(start + $0)] : 0 }
      }
    default:
      return 0
    }
  }

  /// Takes a write; one that is no write of a whole register is ignored.
  public func writeBAR(_ bar: Int, offset: UInt64, byteCount: Int, value: UInt64) {
    guard bar == VirtioPCILayout.structuresBAR else { return }
    switch offset {
    case ..<VirtioPCILayout.commonByteCount:
      state.withLock { writeCommon(&$0, offset, byteCount, value) }
    case VirtioPCILayout.deviceOffset..<VirtioPCILayout.deviceOffset + VirtioPCILayout.deviceByteCount:
      let start = offset - VirtioPCILayout.deviceOffset
      state.withLock { _ in device.writeConfiguration(offset: start, byteCount: byteCount, value: value) }
    case VirtioPCILayout.notifyOffset...:
      // Only where KVM had no ioeventfd to spare.
      let (index, remainder) = (offset - VirtioPCILayout.notifyOffset)
        .quotientAndRemainder(dividingBy: VirtioPCILayout.notifyMultiplier)
      if remainder == 0, index < UInt64(channels.count) { channels[Int(index)].notify() }
    default:
      return
    }
  }

  private func assemble(_ byteCount: Int, _ byte: (UInt64) -> UInt8) -> UInt64 {
    (0..<UInt64(byteCount)).reduce(0) { $0 | UInt64(byte($1)) << ($1 * 8) }
  }

  func reportedStatus(_ state: State) -> VirtioDeviceStatus {
    signals.needsReset ? state.status.union(.deviceNeedsReset) : state.status
  }

  /// Hands the enabled queues to the device, or, where one of them is not sound, none.
  func startServing(_ state: inout State) {
    let features = VirtioFeatures(rawValue: state.driverFeatures)
    var bindings: [VirtioQueueBinding] = []
    do throws(VirtqueueError) {
      for (index, queue) in state.queues.enumerated() where queue.isEnabled {
        let ring = try unsafe Virtqueue(queue.layout, features: features, memory: memory)
        bindings.append(unsafe VirtioQueueBinding(index: index, ring: ring, channel: channels[index]))
      }
    } catch {
      signals.fail(error)
      return
    }
    device.activate(bindings, features: features)
    state.isServing = true
  }

  /// The reset of virtio 1.2 §2.4, through a device status of zero.
  func reset(_ state: inout State) {
    stopServing(&state)
    let isShutDown = state.isShutDown
    state = State(queueSizes: queueSizes)
    state.isShutDown = isShutDown
    signals.reset()
    for channel in channels { channel.vector.store(VirtioSignals.noVector, ordering: .relaxed) }
  }

  private func stopServing(_ state: inout State) {
    guard state.isServing else { return }
    device.deactivate()
    state.isServing = false
  }
}
