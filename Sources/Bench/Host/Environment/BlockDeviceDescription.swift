/// A block device and the settings of its queue.
struct BlockDeviceDescription: Codable, Equatable, Sendable {
  /// The kernel's name of the whole disk: `nvme0n1`.
  var name: String
  /// The partition of it, if it is one.
  var partition: String?
  /// What the device says that it is.
  var model: String?
  /// The size of the disk or partition, in bytes.
  var byteCount: UInt64?
  /// The scheduler in use.
  var scheduler: String?
  /// All that the kernel tells of the queue, under its own names (Documentation/ABI/stable/sysfs-block).
  var queue: [String: String]?
  /// The file behind a loop device.
  var backingFile: String?
  /// The devices that a volume (device-mapper, md) is made of.
  var parts: [BlockDeviceDescription]?

  /// The names in the JSON file.
  enum CodingKeys: String, CodingKey {
    case name
    case partition
    case model
    case byteCount = "bytes"
    case scheduler
    case queue
    case backingFile = "backing_file"
    case parts
  }

  /// Itself, or the devices that it is made of.
  var disks: [BlockDeviceDescription] { parts?.flatMap(\.disks) ?? [self] }
}

extension BlockDeviceDescription {
  /// Volumes stacked on volumes end after a few steps; more than this is a circle.
  private static let depthLimit = 16
  /// Sectors of sysfs, whatever the device's blocks.
  private static let sectorByteCount: UInt64 = 512

  /// The device at `path` below /sys, such as `dev/block/259:1` or `class/block/sda1`; nil if there is none.
  init?(_ path: String, _ files: KernelFiles) {
    guard let folder = files.folder("sys/\(path)") else { return nil }
    self.init(folder, depth: 0)
  }

  private init?(_ folder: KernelFiles, depth: Int) {
    guard depth < Self.depthLimit else { return nil }
    let isPartition = folder.exists("partition")
    // A partition lies in the folder of its disk, which has the queue.
    guard let disk = isPartition ? folder.folder("..") : folder else { return nil }
    name = disk.name
    partition = isPartition ? folder.name : nil
    model = disk.word("device/model")
    let sectors: UInt64? = folder.number("size")
    byteCount = sectors.flatMap { $0 < 1 << 54 ? $0 * Self.sectorByteCount : nil }
    queue = disk.attributes("queue")
    scheduler = disk.choice("queue/scheduler") ?? disk.word("queue/scheduler")
    backingFile = disk.word("loop/backing_file")
    let parts = disk.entries("slaves").compactMap { name in
      disk.folder("slaves/\(name)").flatMap { BlockDeviceDescription($0, depth: depth + 1) }
    }
    self.parts = parts.isEmpty ? nil : parts
  }
}
