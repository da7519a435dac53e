/// A type of device that a vhost-user back end serves.
public enum VhostUserDeviceKind: Equatable, Sendable {
  /// A block device (virtio 1.2 §5.2) with this number of queues; nil: as many as the back end offers, up to `limit`.
  case block(queueCount: Int?, limit: Int)
  /// A file system (virtio 1.2 §5.11), which the guest mounts by its tag of 1 to 36 bytes.
  case fileSystem(tag: String)

  /// Bytes of a file system's tag (§5.11.4).
  public static let tagByteLimit = 36
  /// Queues of a block device at most.
  public static let queueLimit = 64

  /// The device ID (§5).
  var deviceID: UInt16 {
    switch self {
    case .block: VirtioBlockProtocol.deviceID
    case .fileSystem: 26
    }
  }

  /// The protocol features without which the device is of no use.
  var neededFeatures: VhostUserProtocolFeatures {
    switch self {
    case .block: .configuration
    case .fileSystem: []
    }
  }

  /// The features of the device's type that a driver may see; those of the rings are the same for all types.
  var typeFeatures: VirtioFeatures {
    switch self {
    case .block: Self.blockFeatures
    // VIRTIO_FS_F_NOTIFICATION needs a queue more, which this device does not have.
    case .fileSystem: []
    }
  }

  /// SIZE_MAX, SEG_MAX, GEOMETRY, RO, BLK_SIZE, FLUSH, TOPOLOGY, CONFIG_WCE, MQ, DISCARD and WRITE_ZEROES (§5.2.3).
  private static let blockFeatures = VirtioFeatures(
    rawValue: [1, 2, 4, 5, 6, 9, 10, 11, 12, 13, 14].reduce(0) { $0 | 1 << UInt64($1) })

  /// The configuration space that the back end has: its size in bytes; 0: this process has it.
  var backEndConfigurationByteCount: Int {
    switch self {
    case .block: VirtioBlockProtocol.Configuration.byteCount
    case .fileSystem: 0
    }
  }

  /// The number of queues, of which the back end has `offered`; nil: it does not say.
  ///
  /// - Parameter configured: the number of queues that the back end's configuration has.
  func queueCount(offered: Int?, configured: Int) throws(VhostUserError) -> Int {
    switch self {
    case .block(let wanted, let limit):
      let offered = max(1, min(offered ?? 1, configured))
      let count = wanted ?? min(offered, limit)
      guard count <= offered else { throw .tooFewQueues(wanted: count, offered: offered) }
      return count
    // The queue of high priority, and one of requests (§5.11.2).
    case .fileSystem:
      guard offered ?? 2 >= 2 else { throw .tooFewQueues(wanted: 2, offered: offered ?? 0) }
      return 2
    }
  }

  /// The configuration that a driver sees, made of the back end's.
  func configuration(_ bytes: [UInt8], queueCount: Int) -> [UInt8] {
    var bytes = bytes
    switch self {
    case .block:
      let place = VirtioBlockProtocol.Configuration.queueCount
      bytes[place] = UInt8(truncatingIfNeeded: queueCount)
      bytes[place + 1] = UInt8(truncatingIfNeeded: queueCount >> 8)
    case .fileSystem(let tag):
      // The tag, padded with zeroes, and the number of request queues (§5.11.4).
      bytes = Array(
        (Array(tag.utf8) + [UInt8](repeating: 0, count: Self.tagByteLimit)).prefix(Self.tagByteLimit))
      bytes += [1, 0, 0, 0]
    }
    return bytes
  }

  /// The number of queues in a back end's configuration.
  func configuredQueueCount(_ bytes: [UInt8], features: VirtioFeatures) -> Int {
    switch self {
    case .block:
      guard features.contains(.blockMultiqueue) else { return 1 }
      let place = VirtioBlockProtocol.Configuration.queueCount
      return Int(bytes[place]) | Int(bytes[place + 1]) << 8
    case .fileSystem: return 2
    }
  }

  /// The word in log lines: the option's of lkvm.
  var label: String {
    switch self {
    case .block: "vhost-user-blk"
    case .fileSystem: "vhost-user-fs"
    }
  }
}
