import HostSystem
import Synchronization
public import SystemPackage
import VextProtocol

/// The PCI transport of a virtio device, with the interface of virtio 1.x or the legacy one (virtio 1.2 §4.1).
///
/// vCPU threads access it. One lock serializes them, and is held while queues are handed to and taken back from their I/O
/// threads, so that the reset is complete once a driver reads a status of zero. If the host's storage hangs, the status is
/// not zero until the last request is done. I/O threads never take that lock.
public final class VirtioPCI: PCIFunction {
  /// The registers of a queue, as the driver sets them.
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

    /// The queue that the driver selected; nil if there is none of that number.
    var selectedQueue: Int? { Int(queueSelect) < queues.count ? Int(queueSelect) : nil }
  }

  /// The configuration space.
  public let configuration: PCIConfigurationSpace
  /// The interface: modern or legacy.
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

  /// Makes a function for `device`, with one MSI-X vector for each queue and one for the configuration.
  ///
  /// - Parameter usesIOEventFD: whether KVM takes the driver's notifications; otherwise each one is an exit to user
  ///   space.
  /// - Throws: EINVAL if the device has too many queues for MSI-X, EOPNOTSUPP if the legacy interface does not support
  ///   the device; errors of eventfds and of the router.
  public init(
    device: any VirtioDevice, memory: GuestMemory, router: any MessageInterruptRouter,
    transport: VirtioTransport = .modern, usesIOEventFD: Bool = true
  ) throws(Errno) {
    let queueSizes = device.queueSizes
    let msix = try MSIXTable(
      vectorCount: queueSizes.count + 1, router: router, isShared: device.sharesInterrupts)
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

  /// The notifications of the queues; empty if KVM does not take them.
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

  /// The error that stopped a queue, or kept the device from starting, since the last reset; nil without one.
  public var failure: VirtqueueError? { signals.failure }

  /// The device status as a driver reads it.
  public var status: VirtioDeviceStatus { state.withLock { reportedStatus($0) } }

  /// Takes the queues back from their I/O threads for good. The guest must not run any more.
  public func shutDown() {
    state.withLock { state in
      stopServing(&state)
      state.isShutDown = true
    }
  }

  /// Reads up to eight bytes at any offset; bytes without a register are zero.
  public func readBAR(_ bar: Int, offset: UInt64, byteCount: Int) -> UInt64 {
    guard (1...8).contains(byteCount) else { return 0 }
    switch (transport, bar) {
    case (.modern, VirtioPCILayout.structuresBAR): return readStructures(offset, byteCount)
    case (.legacy, VirtioLegacyLayout.registersBAR): return readLegacy(offset, byteCount)
    default: return 0
    }
  }

  /// Writes a register; ignores a write to a part of a register.
  public func writeBAR(_ bar: Int, offset: UInt64, byteCount: Int, value: UInt64) {
    switch (transport, bar) {
    case (.modern, VirtioPCILayout.structuresBAR): writeStructures(offset, byteCount, value)
    case (.legacy, VirtioLegacyLayout.registersBAR): writeLegacy(offset, byteCount, value)
    default: return
    }
  }

  /// Combines the bytes from `byte`, lowest first.
  func assemble(_ byteCount: Int, _ byte: (UInt64) -> UInt8) -> UInt64 {
    (0..<UInt64(byteCount)).reduce(0) { $0 | UInt64(byte($1)) << ($1 * 8) }
  }

  /// Reads the device-specific configuration, with the lock held.
  func readDeviceConfiguration(_ offset: UInt64, _ byteCount: Int) -> UInt64 {
    let bytes = device.configuration
    return assemble(byteCount) { offset + $0 < UInt64(bytes.count) ? bytes[Int(offset + $0)] : 0 }
  }

  /// The vector to store: a vector that does not exist becomes "none", which the driver reads back (virtio 1.2
  /// §4.1.5.1.2.1).
  func vector(_ value: UInt64) -> UInt16 {
    let vector = UInt16(truncatingIfNeeded: value)
    return Int(vector) < msix.vectorCount ? vector : VirtioSignals.noVector
  }

  /// Hands all enabled queues to the device; none of them if one is invalid.
  func startServing(_ state: inout State) {
    let features = VirtioFeatures(rawValue: state.driverFeatures)
    var bindings: [VirtioQueueBinding] = []
    do throws(VirtqueueError) {
      for (index, queue) in state.queues.enumerated() where queue.isEnabled {
        let ring = try Virtqueue(queue.layout, features: features, memory: memory)
        bindings.append(
          VirtioQueueBinding(index: index, layout: queue.layout, ring: ring, channel: channels[index]))
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

/// The two PCI interfaces of virtio.
public enum VirtioTransport: String, CaseIterable, Sendable {
  /// virtio 1.x: structures in a memory BAR, found through capabilities (virtio 1.2 §4.1).
  case modern = "pci"
  /// virtio 0.9.5: registers in a port BAR (virtio 1.2 §4.1.4.10).
  case legacy = "pci-legacy"
}
