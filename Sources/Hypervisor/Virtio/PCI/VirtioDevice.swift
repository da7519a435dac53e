/// The part of a virtio device that depends on its type; the transport is ``VirtioPCI``.
///
/// The transport calls it with its lock held, one call at a time, from vCPU threads.
public protocol VirtioDevice: AnyObject, Sendable {
  /// The device ID (virtio 1.2 §5).
  var deviceID: UInt16 { get }

  /// PCI base class, subclass and programming interface.
  var classCode: UInt32 { get }

  /// The features that the device offers: those of its type and those of ``VirtioFeatures``.
  var features: VirtioFeatures { get }

  /// The maximum size of each queue, a power of two up to 1024.
  var queueSizes: [UInt16] { get }

  /// The current device-specific configuration.
  var configuration: [UInt8] { get }

  /// Handles a driver's write of 1, 2, 4 or 8 bytes to the device-specific configuration, at any offset.
  func writeConfiguration(offset: UInt64, byteCount: Int, value: UInt64)

  /// Starts to serve `queues`, which the driver enabled.
  func activate(_ queues: [VirtioQueueBinding], features: VirtioFeatures)

  /// Stops serving; returns when no thread uses the queues any more, or with ``isQuiet`` false if the host's storage hangs.
  func deactivate()

  /// Whether nothing is in flight of what was asked for before ``deactivate()``. Any thread.
  var isQuiet: Bool { get }

  /// Whether another process raises the interrupts of the queues.
  var sharesInterrupts: Bool { get }

  /// Called when the driver has chosen another interrupt for a queue.
  func interruptChanged(ofQueue index: Int)
}

extension VirtioDevice {
  /// True: for a device that is quiet when ``deactivate()`` returns.
  public var isQuiet: Bool { true }

  /// False: for a device that this process serves.
  public var sharesInterrupts: Bool { false }

  /// Does nothing: this process looks the interrupt up when it raises it.
  public func interruptChanged(ofQueue index: Int) {}
}

/// A queue that a driver set up, with its channel, as the transport hands it to the device.
@safe
public struct VirtioQueueBinding: Sendable {
  // SAFETY: the ring checks each of its accesses against guest memory, which it keeps alive.
  /// The queue's number.
  public let index: Int
  /// The queue in its initial state.
  public let ring: Virtqueue
  /// Where the queue is in guest memory.
  public let layout: VirtqueueLayout
  /// The notifications and interrupts of the queue.
  public let channel: VirtqueueChannel

  init(index: Int, layout: VirtqueueLayout, ring: Virtqueue, channel: VirtqueueChannel) {
    self.index = index
    self.layout = layout
    self.ring = ring
    self.channel = channel
  }
}

/// Feature bits that do not belong to one device type (virtio 1.2 §6).
public struct VirtioFeatures: OptionSet, Hashable, Sendable {
  /// The bits, 0 to 63.
  public let rawValue: UInt64
  /// Wraps `rawValue`.
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// VIRTIO_F_ANY_LAYOUT: the parts of a request may be in any descriptors. Legacy interface only; ``version1`` implies
  /// it.
  public static let anyLayout = VirtioFeatures(rawValue: 1 << 27)
  /// VIRTIO_F_INDIRECT_DESC: a descriptor may name a table of descriptors.
  public static let indirectDescriptors = VirtioFeatures(rawValue: 1 << 28)
  /// VIRTIO_F_EVENT_IDX: each side names the index at which it wants a notification.
  public static let eventIndex = VirtioFeatures(rawValue: 1 << 29)
  /// VIRTIO_F_VERSION_1: the driver knows more than the legacy interface.
  public static let version1 = VirtioFeatures(rawValue: 1 << 32)

  /// The bits that the legacy interface can negotiate.
  static let legacyBits = VirtioFeatures(rawValue: 0xFFFF_FFFF)
}
