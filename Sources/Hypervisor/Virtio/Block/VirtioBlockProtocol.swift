/// The block device's part of virtio 1.2: §5.2.
enum VirtioBlockProtocol {
  /// §5.2.1
  static let deviceID: UInt16 = 2
  /// Offsets and capacities count these, whatever the block size (§5.2.4).
  static let sectorByteCount: UInt64 = 512
  /// §5.2.6: type (32 bits), reserved (32), sector (64).
  static let headerByteCount: UInt64 = 16
  /// §5.2.6: what GET_ID returns.
  static let identityByteCount = 20
  /// §5.2.6: sector (64 bits), sectors (32), flags (32) of DISCARD and WRITE_ZEROES.
  static let rangeByteCount: UInt64 = 16

  /// §5.2.6: request types.
  enum RequestType: UInt32 {
    case `in` = 0
    case out = 1
    case flush = 4
    case getID = 8
    case discard = 11
    case writeZeroes = 13
  }

  /// §5.2.6: of a range to zero, that it may be deallocated as well.
  static let rangeUnmapFlag: UInt32 = 1

  /// §5.2.4: offsets in the configuration.
  enum Configuration {
    static let capacity = 0
    static let maximumSegmentCount = 12
    static let blockByteCount = 20
    /// 8 bits: 1 where there is a cache that has to be flushed, 0 for write-through.
    static let writeBack = 32
    static let queueCount = 34
    static let maximumDiscardSectorCount = 36
    static let maximumDiscardRangeCount = 40
    static let discardSectorAlignment = 44
    static let maximumWriteZeroesSectorCount = 48
    static let maximumWriteZeroesRangeCount = 52
    /// 8 bits: 1 where a range that is zeroed may be deallocated.
    static let writeZeroesMayUnmap = 56
    static let byteCount = 60
  }
}

/// The byte that ends a request (§5.2.6).
enum VirtioBlockStatus: UInt8, Error {
  case ok = 0
  case ioError = 1
  case unsupported = 2
}

extension VirtioFeatures {
  /// VIRTIO_BLK_F_SEG_MAX: the most segments of a request are known.
  static let blockSegmentLimit = VirtioFeatures(rawValue: 1 << 2)
  /// VIRTIO_BLK_F_RO: the disk is read-only.
  static let blockReadOnly = VirtioFeatures(rawValue: 1 << 5)
  /// VIRTIO_BLK_F_BLK_SIZE: the disk's block is known.
  static let blockSize = VirtioFeatures(rawValue: 1 << 6)
  /// VIRTIO_BLK_F_FLUSH: there is a cache, and a command that flushes it.
  static let blockFlush = VirtioFeatures(rawValue: 1 << 9)
  /// VIRTIO_BLK_F_CONFIG_WCE: the driver may switch between write-back and write-through.
  static let blockCacheMode = VirtioFeatures(rawValue: 1 << 11)
  /// VIRTIO_BLK_F_MQ: there may be several queues.
  static let blockMultiqueue = VirtioFeatures(rawValue: 1 << 12)
  /// VIRTIO_BLK_F_DISCARD: ranges can be given up.
  static let blockDiscard = VirtioFeatures(rawValue: 1 << 13)
  /// VIRTIO_BLK_F_WRITE_ZEROES: ranges can be zeroed.
  static let blockWriteZeroes = VirtioFeatures(rawValue: 1 << 14)
}
