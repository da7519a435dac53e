import VextProtocol

/// The constants of a device, which its registers report (docs/vext-protocol.md §3.1).
public struct VextDeviceLimits: Equatable, Sendable {
  /// The size of the disk in bytes, a multiple of ``blockByteCount``.
  public let capacity: UInt64
  /// The block size in bytes, a power of two and at least 512; offsets and lengths are multiples of it.
  public let blockByteCount: Int
  /// Maximum number of bytes that one entry may move, rounded down to whole blocks.
  public let maxTransferByteCount: Int
  /// Maximum number of bytes of one discard or write-zeroes, rounded down to whole blocks.
  public let maxRangeByteCount: UInt64
  /// Maximum number of segments in a segment list.
  public let maxSegments: Int
  /// The number of queues.
  public let queueCount: Int
  /// The largest depth of a queue.
  public let maxQueueDepth: Int
  /// Whether the disk is read-only, and whether it supports discard and write-zeroes.
  public let flags: VextDeviceFlags

  /// Reads the registers of the function at `address`, and checks them.
  init(_ registers: some VextRegisterAccess, address: String) throws(VextClientError) {
    let magic = registers.load32(VextRegister.magic)
    guard magic == VextRegister.magicValue else { throw .wrongMagic(address: address, magic: magic) }
    let version = registers.load32(VextRegister.version)
    guard version == VextRegister.versionValue else {
      throw .unknownVersion(address: address, version: version)
    }
    func register(
      _ name: String, _ offset: UInt64, _ isSound: (UInt32) -> Bool
    ) throws(VextClientError) -> UInt32 {
      let value = registers.load32(offset)
      guard isSound(value) else { throw .badRegister(address: address, name: name, value: UInt64(value)) }
      return value
    }
    let block = try register("block_size", VextRegister.blockByteCount) {
      $0 >= 512 && $0 & ($0 &- 1) == 0
    }
    let transfer = try register("max_transfer", VextRegister.maxTransferByteCount) { $0 >= block }
    let range = try register("max_range", VextRegister.maxRangeByteCount) { _ in true }
    let segments = try register("max_segments", VextRegister.maxSegments) { $0 > 0 }
    let queues = try register("queue_count", VextRegister.queueCount) {
      (1...VextRegister.queueLimit).contains($0)
    }
    let depth = try register("max_queue_depth", VextRegister.maxQueueDepth) {
      (2...32768).contains($0) && $0 & ($0 &- 1) == 0
    }
    let capacity = registers.load64(VextRegister.capacity)
    guard capacity.isMultiple(of: UInt64(block)) else {
      throw .badRegister(address: address, name: "capacity", value: capacity)
    }
    self.capacity = capacity
    blockByteCount = Int(block)
    maxTransferByteCount = Int(transfer & ~(block - 1))
    maxRangeByteCount = UInt64(range & ~(block - 1))
    maxSegments = Int(segments)
    queueCount = Int(queues)
    maxQueueDepth = Int(depth)
    flags = VextDeviceFlags(rawValue: registers.load32(VextRegister.deviceFlags))
  }
}
