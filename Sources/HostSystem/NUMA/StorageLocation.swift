import CLinux
import SystemPackage

/// Where the storage below a file is attached.
public struct StorageLocation: Equatable, Sendable {
  /// The block device's numbers as the kernel writes them, such as `259:1`; major number 0 is no block device
  /// (tmpfs, overlay, network).
  public let deviceNumber: String
  /// The node that the device is attached to; nil if the kernel does not know or the device spans several.
  public let node: Int?

  /// The location of the block device that `path` is, or that holds the file `path`.
  ///
  /// - Parameters:
  ///   - path: An existing file, directory or block device.
  ///   - root: Where sysfs is mounted, or a copy of the files.
  public init(path: String, sysfs root: String = "/sys") throws(SysfsError) {
    let device: (major: UInt32, minor: UInt32)
    do throws(Errno) { device = try NamedFiles.device(below: path) } catch {
      throw .unreadable(path: path, error)
    }
    try self.init(deviceNumber: "\(device.major):\(device.minor)", sysfs: root)
  }

  /// The location of the block device with the numbers `MAJOR:MINOR`.
  public init(deviceNumber: String, sysfs root: String = "/sys") throws(SysfsError) {
    self.deviceNumber = deviceNumber
    guard let end = try SysfsDirectory(root).resolved(),
      let device = try end["dev/block/\(deviceNumber)"].resolved()
    else {
      node = nil
      return
    }
    let nodes = try Self.nodes(of: device, upTo: end, depth: 0)
    node = nodes.count == 1 ? nodes.first : nil
  }

  /// The node below `path`; nil if it is unknown for whatever reason, a missing file among them.
  public static func numaNode(ofFile path: String) -> Int? {
    guard let location = try? StorageLocation(path: path) else { return nil }
    return location.node
  }

  /// Volumes stacked on volumes end after a few steps; more than this is a circle.
  private static let depthLimit = 16

  /// The nodes of the hardware below a device: of the nearest ancestor that knows its node, or of the devices that
  /// a mapped device (device-mapper, md) or a multipath NVMe namespace is made of.
  private static func nodes(
    of device: SysfsDirectory, upTo end: SysfsDirectory, depth: Int
  ) throws(SysfsError) -> Set<Int> {
    guard depth < depthLimit else { return [] }
    var directory = device
    while directory.path.hasPrefix("\(end.path)/") {
      if let node = try directory.integer("numa_node"), node >= 0 { return [node] }
      let parts = try parts(of: directory)
      if !parts.isEmpty {
        var nodes: Set<Int> = []
        for part in parts {
          guard let target = try part.resolved() else { continue }
          nodes.formUnion(try self.nodes(of: target, upTo: end, depth: depth + 1))
        }
        return nodes
      }
      directory = directory.parent
    }
    return []
  }

  private static func parts(of directory: SysfsDirectory) throws(SysfsError) -> [SysfsDirectory] {
    let slaves = try directory["slaves"].entries().map { directory["slaves/\($0)"] }
    if !slaves.isEmpty { return slaves }
    // The namespaces of a multipath NVMe device lie below its subsystem, beside links to its controllers.
    guard directory.name.hasPrefix("nvme-subsys") else { return [] }
    return try directory.entries().filter(isController).map { directory[$0] }
  }

  /// Whether `name` is that of an NVMe controller, `nvme0`, and not that of a namespace, `nvme0n1`.
  private static func isController(_ name: String) -> Bool {
    let number = name.dropFirst("nvme".count)
    return name.hasPrefix("nvme") && !number.isEmpty && number.allSatisfy(\.isNumber)
  }
}
