import Foundation
import Synchronization
import SystemPackage

@testable import Hypervisor

/// Stands for the files of VFIO on a host, and has a copy of the host's sysfs.
final class FakeVFIOHost: Sendable {
  /// A PCI function of the host.
  struct Function {
    var address: String
    /// Its IOMMU group; nil: none.
    var group: String? = "5"
    /// Its driver; nil: none.
    var driver: String? = "vfio-pci"
  }

  private final class Container: VFIOFile {
    /// The structures of VFIO_IOMMU_MAP_DMA.
    let mappings = Mutex<[[UInt32]]>([])
    let types: [Int]
    let errors: [UInt: Errno]

    init(types: [Int], errors: [UInt: Errno]) {
      self.types = types
      self.errors = errors
    }

    var descriptor: Int32 { 100 }

    func perform(_ request: UInt, _ number: Int) throws(Errno) -> Int32 {
      if let error = errors[request] { throw error }
      return request == VFIORequest.checkExtension && types.contains(number) ? 1 : 0
    }

    func perform(_ request: UInt, _ structure: inout [UInt32]) throws(Errno) -> Int32 {
      if let error = errors[request] { throw error }
      let words = structure
      mappings.withLock { $0.append(words) }
      return 0
    }

    func join(_ container: any VFIOFile) throws(Errno) { throw .invalidArgument }
    func openDevice(_ address: HostPCIAddress) throws(Errno) -> any VFIOFile { throw .invalidArgument }
    func read(_ byteCount: Int, at offset: UInt64) throws(Errno) -> UInt64 { throw .invalidArgument }
    func write(_ value: UInt64, byteCount: Int, at offset: UInt64) throws(Errno) { throw .invalidArgument }
    func map(at offset: UInt64, byteCount: Int) throws(Errno) -> any HostMemoryArea {
      throw .invalidArgument
    }
  }

  private final class Group: VFIOFile {
    let isViable: Bool
    let device: FakeVFIODevice

    init(isViable: Bool, device: FakeVFIODevice) {
      self.isViable = isViable
      self.device = device
    }

    var descriptor: Int32 { 101 }

    func perform(_ request: UInt, _ number: Int) throws(Errno) -> Int32 { throw .invalidArgument }

    func perform(_ request: UInt, _ structure: inout [UInt32]) throws(Errno) -> Int32 {
      structure[1] = isViable ? 1 : 0
      return 0
    }

    func join(_ container: any VFIOFile) throws(Errno) {
      guard container.descriptor == 100 else { throw .invalidArgument }
    }

    func openDevice(_ address: HostPCIAddress) throws(Errno) -> any VFIOFile { device }
    func read(_ byteCount: Int, at offset: UInt64) throws(Errno) -> UInt64 { throw .invalidArgument }
    func write(_ value: UInt64, byteCount: Int, at offset: UInt64) throws(Errno) { throw .invalidArgument }
    func map(at offset: UInt64, byteCount: Int) throws(Errno) -> any HostMemoryArea {
      throw .invalidArgument
    }
  }

  private let folder: URL
  private let files: [String: any VFIOFile]
  private let container: Container
  private let openError: (path: String, errno: Errno)?
  private let opened = Mutex<[String]>([])

  init(
    _ functions: [Function], device: FakeVFIODevice, isViable: Bool = true, types: [Int] = [1, 3],
    errors: [UInt: Errno] = [:], openError: (path: String, errno: Errno)? = nil
  ) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "vfio-\(UUID().uuidString)")
    self.folder = folder
    container = Container(types: types, errors: errors)
    self.openError = openError
    var files: [String: any VFIOFile] = ["/dev/vfio/vfio": container]
    let manager = FileManager.default
    func make(_ path: String) throws {
      try manager.createDirectory(at: folder.appending(path: path), withIntermediateDirectories: true)
    }
    func link(_ path: String, to target: String) throws {
      try manager.createSymbolicLink(
        at: folder.appending(path: path), withDestinationURL: folder.appending(path: target))
    }
    try make("bus/pci/devices")
    for function in functions {
      let place = "bus/pci/devices/\(function.address)"
      try make(place)
      if let driver = function.driver {
        try make("bus/pci/drivers/\(driver)")
        try link("\(place)/driver", to: "bus/pci/drivers/\(driver)")
      }
      guard let group = function.group else { continue }
      try make("kernel/iommu_groups/\(group)/devices")
      try link("\(place)/iommu_group", to: "kernel/iommu_groups/\(group)")
      try link("kernel/iommu_groups/\(group)/devices/\(function.address)", to: place)
      files["/dev/vfio/\(group)"] = Group(isViable: isViable, device: device)
    }
    self.files = files
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  /// The files that were opened, in order.
  var openedPaths: [String] { opened.withLock { $0 } }

  /// The structures of VFIO_IOMMU_MAP_DMA.
  var mappings: [[UInt32]] { container.mappings.withLock { $0 } }

  /// Opens the devices at `addresses`.
  func devices(_ addresses: [String]) throws(VFIOError) -> VFIOContainer {
    try VFIOContainer(
      addresses.compactMap { HostPCIAddress(parsing: $0) }, sysfs: folder.path(percentEncoded: false)
    ) { path throws(Errno) in
      if let openError, openError.path == path { throw openError.errno }
      opened.withLock { $0.append(path) }
      guard let file = files[path] else { throw .noSuchFileOrDirectory }
      return file
    }
  }
}
