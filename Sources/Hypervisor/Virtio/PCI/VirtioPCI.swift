import HostSystem
import Synchronization
public import SystemPackage
import VextProtocol

/// The PCI transport of a virtio device, with the interface of virtio 1.x or the legacy one (virtio 1.2 §4.1).
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

  /// What the registers of either interface hold.
  struct State {
    var deviceFeatureSelect: UInt32 = 0
    var driverFeatureSelect: UInt32 = 0
    var driverFeatures: UInt64 = 0
    var status: VirtioDeviceStatus = []
    var queueSelect: UInt16 = 0
    var queues: [QueueRegisters]
    var isServing = false
    var isShutDown = false
    /// Whether a driver has ever set DRIVER_OK; a reset does not change it.
    var wasStarted = false

    init(queueSizes: [UInt16]) {
      queues = queueSizes.map { QueueRegisters(layout: VirtqueueLayout(size: $0)) }
    }

    /// The queue that the driver selected, if there is one of that number.
    var selectedQueue: Int? { Int(queueSelect) < queues.count ? Int(queueSelect) : nil }
  }

  /// The configuration space.
  public let configuration: PCIConfigurationSpace
  /// The interface.
  public let transport: VirtioTransport
  let device: any VirtioDevice
  let signals: VirtioSignals
  let msix: MSIXTable
  let channels: [VirtqueueChannel]
  let offeredFeatures: VirtioFeatures
  let queueSizes: [UInt16]
  let state: Mutex<State>
  private let memory: GuestMemory
  private let usesIOEventFD: Bool

  /// A function that carries `device`, with one MSI-X vector a queue and one for the configuration.
  ///
  /// - Parameter usesIOEventFD: whether KVM takes the driver's notifications; if not, each is an exit to user space.
  /// - Throws: EINVAL where the device has too many queues for that, EOPNOTSUPP for a device that the legacy interface
  ///   does not know; errors of eventfds and of the router.
  public init(
    device: any VirtioDevice, memory: GuestMemory, router: any MessageInterruptRouter,
    transport: VirtioTransport = .modern, usesIOEventFD: Bool = true
  ) throws(Errno) {
    let queueSizes = device.queueSizes
    let msix = try MSIXTable(vectorCount: queueSizes.count + 1, router: router)
    let pin = PCIInterruptPin()
    let signals = VirtioSignals(msix: msix, pin: pin)
    var channels: [VirtqueueChannel] = []
    for _ in queueSizes { channels.append(try VirtqueueChannel(signals: signals)) }
    switch transport {
    case .modern:
      configuration = Self.modernConfiguration(device, queueCount: queueSizes.count, msix, pin)
      offeredFeatures = device.features.union(.version1)
    case .legacy:
      configuration = try Self.legacyConfiguration(device, msix, pin)
      offeredFeatures = device.features.intersection(.legacyBits).union(.anyLayout)
    }
    self.transport = transport
    self.device = device
    self.memory = memory
    self.signals = signals
    self.msix = msix
    self.channels = channels
    self.queueSizes = queueSizes
    self.usesIOEventFD = usesIOEventFD
    state = Mutex(State(queueSizes: queueSizes))
  }

  /// One for each queue, unless KVM is to take none.
  public var notifications: [PCINotification] {
    guard usesIOEventFD else { return [] }
    return channels.enumerated().map { index, channel in
      switch transport {
      case .modern: modernNotification(index, channel)
      case .legacy: legacyNotification(index, channel)
      }
    }
  }

  /// The virtio device ID (virtio 1.2 §5).
  public var deviceID: UInt16 { device.deviceID }

  /// Whether a driver has ever set DRIVER_OK.
  public var wasStarted: Bool { state.withLock { $0.wasStarted } }

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
    guard (1...8).contains(byteCount) else { return 0 }
    switch (transport, bar) {
    case (.modern, VirtioPCILayout.structuresBAR): return readStructures(offset, byteCount)
    case (.legacy, VirtioLegacyLayout.registersBAR): return readLegacy(offset, byteCount)
    default: return 0
    }
  }

  /// Takes a write; one that is no write of a whole register is ignored.
  public func writeBAR(_ bar: Int, offset: UInt64, byteCount: Int, value: UInt64) {
    switch (transport, bar) {
    case (.modern, VirtioPCILayout.structuresBAR): writeStructures(offset, byteCount, value)
    case (.legacy, VirtioLegacyLayout.registersBAR): writeLegacy(offset, byteCount, value)
    default: return
    }
  }

  /// Puts the bytes from `byte`, the first one lowest, together.
  func assemble(_ byteCount: Int, _ byte: (UInt64) -> UInt8) -> UInt64 {
    (0..<UInt64(byteCount)).reduce(0) { $0 | UInt64(byte($1)) << ($1 * 8) }
  }

  /// Reads the device-specific configuration. With the lock held.
  func readDeviceConfiguration(_ offset: UInt64, _ byteCount: Int) -> UInt64 {
    let bytes = device.configuration
    return assemble(byteCount) { offset + $0 < UInt64(bytes.count) ? bytes[Int(offset + $0)] : 0 }
  }

  /// A vector that does not exist reads back as none, which tells the driver (virtio 1.2 §4.1.5.1.2.1).
  func vector(_ value: UInt64) -> UInt16 {
    let vector = UInt16(truncatingIfNeeded: value)
    return Int(vector) < msix.vectorCount ? vector : VirtioSignals.noVector
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

  /// Takes all queues back from the device.
  func stopServing(_ state: inout State) {
    guard state.isServing else { return }
    device.deactivate()
    state.isServing = false
  }
}
