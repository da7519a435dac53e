import CExt2
import HostSystem
import SystemPackage

/// The contents of a device without an ext file system at its beginning.
struct DeviceContents {
  private let device: any BlockDevice
  private let queue: any BlockQueue
  private let buffer: BlockBuffer
  private static let bufferByteCount = 1 << 20

  init(_ device: any BlockDevice) throws(Errno) {
    self.device = device
    queue = try device.makeQueue()
    buffer = try device.allocateBuffer(byteCount: Self.bufferByteCount)
  }

  /// The bytes of a range of at most 1 MiB; offset and length are multiples of the device's logical block.
  private func bytes(_ offset: UInt64, _ count: Int) throws(Errno) -> [UInt8] {
    guard count > 0, count <= Self.bufferByteCount else { return [] }
    let memory = buffer.slice(0, count)
    try queue.perform(BlockRequest(.read, byteOffset: offset, memory: memory))
    return memory.bytes
  }

  /// The partitions; nil without a partition table.
  func partitions() throws(Errno) -> [PartitionTable.Partition]? {
    let sectorByteCount = min(device.logicalBlockByteCount, 4096)
    return try PartitionTable(
      byteCount: device.byteCount, sectorByteCount: sectorByteCount,
      read: { (offset, count) throws(Errno) in try bytes(offset, count) })?.partitions
  }

  /// The format of an image; nil for a raw one.
  private func format() throws(Errno) -> ImageFormat? {
    let unit = UInt64(max(device.logicalBlockByteCount, 512))
    guard device.byteCount >= unit else { return nil }
    let last = try bytes((device.byteCount / unit - 1) * unit, Int(unit))
    return ImageFormat(first: try bytes(0, Int(unit)), last: last.suffix(ImageFormat.lastByteCount))
  }

  /// The reason to refuse the device, and the remedy.
  func refusal() throws(Errno) -> MountFailure {
    let name = device.name
    if let format = try format() { return .foreignFormat(name, format.noun, format.remedy(name)) }
    guard let partitions = try partitions(), !partitions.isEmpty else { return .notExt(name) }
    var texts: [String] = []
    var mountable: [Int] = []
    for partition in partitions.prefix(16) {
      let kind = try kind(partition)
      if kind != nil { mountable.append(partition.number) }
      texts.append("\(partition.number) (\(kind ?? "not ext"), \(Self.size(partition.byteCount)))")
    }
    if partitions.count > texts.count { texts.append("...") }
    let noun = partitions.count == 1 ? "partition" : "partitions"
    let number = mountable.count == 1 ? "\(mountable[0])" : "N"
    let advice = mountable.isEmpty ? "none of them can be mounted" : "mount it with '-o partition=\(number)'"
    return .wholeDisk(name, "\(noun) \(texts.joined(separator: ", "))", advice)
  }

  /// The name of a partition's ext file system; nil if it has none.
  private func kind(_ partition: PartitionTable.Partition) throws(Errno) -> String? {
    guard partition.byteCount >= 4096, partition.byteOffset % UInt64(device.logicalBlockByteCount) == 0 else {
      return nil
    }
    let start = try bytes(partition.byteOffset, 4096)
    let superblock = start.span.load(ext2_super_block.self, at: SuperblockEditor.byteOffset)
    guard superblock.s_magic == UInt16(EXT2_SUPER_MAGIC) else { return nil }
    if superblock.s_feature_incompat & UInt32(EXT3_FEATURE_INCOMPAT_EXTENTS) != 0 { return "ext4" }
    return superblock.s_feature_compat & UInt32(EXT3_FEATURE_COMPAT_HAS_JOURNAL) != 0 ? "ext3" : "ext2"
  }

  private static func size(_ byteCount: UInt64) -> String {
    let units = [(UInt64(1) << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB")]
    for (unit, name) in units where byteCount >= unit { return "\(byteCount / unit) \(name)" }
    return "\(byteCount / 1024) KiB"
  }
}
