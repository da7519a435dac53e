import HostSystem

/// What lies below the image of a run: file system, device, queue.
struct StorageDescription: Codable, Equatable, Sendable {
  /// The image, or the folder that it is made in, every link followed.
  var path: String
  /// The file system that holds it; nil for a block device.
  var fileSystem: MountDescription?
  /// The device; nil if there is none, as below tmpfs or a network.
  var device: BlockDeviceDescription?
  /// The device's NUMA node; nil if the kernel does not know it.
  var node: Int?
  /// Whether O_DIRECT is accepted there; nil if that could not be found out.
  var acceptsDirectIO: Bool?

  /// The names in the JSON file.
  enum CodingKeys: String, CodingKey {
    case path
    case fileSystem = "file_system"
    case device
    case node = "numa_node"
    case acceptsDirectIO = "direct_io"
  }
}

extension StorageDescription {
  /// Describes what is below `path` from /proc and /sys.
  ///
  /// - Parameters:
  ///   - path: Absolute, every link followed.
  ///   - deviceNumber: Of the block device that it is, or that holds it: `259:1`.
  ///   - isBlockDevice: Whether `path` is the device itself.
  ///   - root: Below which /proc and /sys lie.
  init(path: String, deviceNumber: String, isBlockDevice: Bool, root: String = "/") {
    let files = KernelFiles(root: root)
    self.path = path
    let mount =
      isBlockDevice ? nil : MountDescription(of: path, mounts: files.lines("proc/self/mountinfo"))
    fileSystem = mount
    device = BlockDeviceDescription("dev/block/\(deviceNumber)", files)
    if device == nil, let source = mount?.source, source.hasPrefix("/dev/") {
      // btrfs and others give their files the number of no device: the mount names it.
      // A volume's name is a link to the kernel's.
      let name = (files.linkTarget(String(source.dropFirst())) ?? source).split(separator: "/").last ?? ""
      device = BlockDeviceDescription("class/block/\(name)", files)
    }
    // Advice only: what cannot be read is not known.
    node =
      (try? StorageLocation(deviceNumber: deviceNumber, sysfs: root == "/" ? "/sys" : "\(root)/sys"))?.node
  }
}
