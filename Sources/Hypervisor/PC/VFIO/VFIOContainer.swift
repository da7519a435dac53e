import CLinux
import SystemPackage
import VextProtocol

/// The devices of the host that a guest gets by VFIO, with the IOMMU that lets them access the guest's RAM alone
/// (Documentation/driver-api/vfio.rst, type 1).
///
/// It is made before the process gives up its rights. The kernel unpins the guest's memory and resets the devices when it goes away.
public final class VFIOContainer: Sendable {
  /// The container's file, from which the folder of the groups' files follows.
  static let path = "/dev/vfio/vfio"
  private static let interfaceVersion: Int32 = 0
  /// VFIO_TYPE1_IOMMU and VFIO_TYPE1v2_IOMMU, the better one first.
  private static let iommuTypes = [3, 1]
  /// VFIO_GROUP_FLAGS_VIABLE.
  private static let viableFlag: UInt32 = 1
  /// VFIO_DMA_MAP_FLAG_READ and VFIO_DMA_MAP_FLAG_WRITE.
  private static let readWriteFlags: UInt32 = 3

  private let container: any VFIOFile
  /// The groups' files, which are registered with KVM.
  let groups: [any VFIOFile]
  let devices: [VFIODevice]

  /// Opens the devices, resets them, and raises the process's limit of locked memory as far as it may be.
  public convenience init(_ addresses: [HostPCIAddress]) throws(VFIOError) {
    _ = linux_raise_locked_memory_limit()
    try self.init(addresses, sysfs: "/sys") { path throws(Errno) in try VFIOKernelFile(path: path) }
  }

  /// The same with any kernel.
  init(
    _ addresses: [HostPCIAddress], sysfs: String, open: (String) throws(Errno) -> any VFIOFile
  ) throws(VFIOError) {
    var members: [(function: HostPCIFunction, group: String)] = []
    for address in addresses {
      let function = try HostPCIFunction(address, sysfs: sysfs)
      members.append((function, try function.group()))
      try function.checkDriver()
    }
    let container = try Self.open(Self.path, open)
    try Self.check(container)
    var groups: [String: any VFIOFile] = [:]
    for (function, name) in members where groups[name] == nil {
      let group = try Self.open("/dev/vfio/\(name)", open)
      try Self.checkViability(of: group, name, function)
      do throws(Errno) { try group.join(container) } catch {
        throw .containerFailed(request: "VFIO_GROUP_SET_CONTAINER", error)
      }
      groups[name] = group
    }
    try Self.setIOMMU(of: container)
    var devices: [VFIODevice] = []
    for (function, name) in members {
      guard let group = groups[name] else { continue }
      let file: any VFIOFile
      do throws(Errno) { file = try group.openDevice(function.address) } catch {
        throw .failed(function.address, request: "VFIO_GROUP_GET_DEVICE_FD", error)
      }
      devices.append(try VFIODevice(function.address, file: file))
    }
    self.container = container
    self.groups = Array(groups.values)
    self.devices = devices
  }

  /// Lets the devices access `memory`, all of which stays resident from now on: where the guest has addresses, the devices have the
  /// same. No page of it may be replaced as long as this object lives.
  func map(_ memory: GuestMemory) throws(VFIOError) {
    for region in memory.regions {
      // The structure vfio_iommu_type1_dma_map.
      let numbers = [region.host.rawValue, region.start.rawValue, region.byteCount]
      var words: [UInt32] = [0, Self.readWriteFlags]
      for number in numbers {
        words.append(UInt32(truncatingIfNeeded: number))
        words.append(UInt32(truncatingIfNeeded: number >> 32))
      }
      words[0] = UInt32(words.count * 4)
      do throws(Errno) { _ = try container.perform(VFIORequest.mapMemory, &words) } catch {
        throw .cannotPin(byteCount: region.byteCount, error)
      }
    }
  }

  private static func open(
    _ path: String, _ open: (String) throws(Errno) -> any VFIOFile
  ) throws(VFIOError) -> any VFIOFile {
    do throws(Errno) { return try open(path) } catch {
      switch error {
      case .noSuchFileOrDirectory, .operationNotSupportedByDevice, .noSuchAddressOrDevice:
        throw .missing(path: path)
      default: throw .cannotOpen(path: path, error)
      }
    }
  }

  private static func check(_ container: any VFIOFile) throws(VFIOError) {
    let version: Int32
    do throws(Errno) { version = try container.perform(VFIORequest.apiVersion, 0) } catch {
      throw .containerFailed(request: "VFIO_GET_API_VERSION", error)
    }
    guard version == interfaceVersion else { throw .unsupported("interface of version 0") }
  }

  private static func checkViability(
    of group: any VFIOFile, _ name: String, _ function: HostPCIFunction
  ) throws(VFIOError) {
    var status: [UInt32] = [8, 0]
    do throws(Errno) { _ = try group.perform(VFIORequest.groupStatus, &status) } catch {
      throw .containerFailed(request: "VFIO_GROUP_GET_STATUS", error)
    }
    guard status[1] & viableFlag != 0 else {
      throw .groupNotViable(name, others: try function.obstacles(inGroup: name))
    }
  }

  private static func setIOMMU(of container: any VFIOFile) throws(VFIOError) {
    for type in iommuTypes {
      guard ((try? container.perform(VFIORequest.checkExtension, type)) ?? 0) > 0 else { continue }
      do throws(Errno) {
        _ = try container.perform(VFIORequest.setIOMMU, type)
        return
      } catch {
        guard error == .notPermitted else { throw .containerFailed(request: "VFIO_SET_IOMMU", error) }
        throw .noInterruptRemapping
      }
    }
    throw .unsupported("IOMMU of type 1")
  }
}
