/// What a device type adds to a virtio transport.
///
/// The transport calls with its lock held, one call at a time, from vCPU threads.
public protocol VirtioDevice: AnyObject, Sendable {
  /// The device ID (virtio 1.2 §5).
  var deviceID: UInt16 { get }

  /// PCI base class, subclass and programming interface.
  var classCode: UInt32 { get }

  /// What the device offers, its own feature bits and those of ``VirtioFeatures``.
  var features: VirtioFeatures { get }

  /// The largest size of each queue, a power of two up to 1024.
  var queueSizes: [UInt16] { get }

  /// The device-specific configuration as the driver sees it now.
  var configuration: [UInt8] { get }

  /// Takes a driver's write of 1, 2, 4 or 8 bytes to the device-specific configuration, at any offset.
  func writeConfiguration(offset: UInt64, byteCount: Int, value: UInt64)

  /// Serves `queues`, the ones that the driver enabled, from now on.
  func activate(_ queues: [VirtioQueueBinding], features: VirtioFeatures)

  /// Stops serving; returns when no queue is touched any more.
  func deactivate()
}

/// A queue that a driver set up, on its way to the device.
@safe
public struct VirtioQueueBinding: Sendable {
  /// The queue's number.
  public let index: Int
  /// The queue, fresh.
  public let ring: Virtqueue
  /// How the ends wake each other.
  public let channel: VirtqueueChannel

  init(index: Int, ring: Virtqueue, channel: VirtqueueChannel) {
    self.index = index
    unsafe self.ring = unsafe ring
    self.channel = channel
  }
}
