import CKVM
import Glibc
import HostSystem
import SystemPackage

/// An open file of VFIO's: the container, a group or a device (linux/vfio.h; a fake in tests). Any thread.
protocol VFIOFile: AnyObject, Sendable {
  /// The descriptor, for KVM.
  var descriptor: Int32 { get }

  /// Makes a request whose argument is a number; returns its result.
  func perform(_ request: UInt, _ number: Int) throws(Errno) -> Int32

  /// Makes a request with a structure in 32-bit words, the first of which is its size in bytes; returns its result.
  func perform(_ request: UInt, _ structure: inout [UInt32]) throws(Errno) -> Int32

  /// Of a group: becomes part of `container`.
  func join(_ container: any VFIOFile) throws(Errno)

  /// Of a group: opens one of its devices.
  func openDevice(_ address: HostPCIAddress) throws(Errno) -> any VFIOFile

  /// Of a device: reads 1 to 8 bytes, little-endian.
  func read(_ byteCount: Int, at offset: UInt64) throws(Errno) -> UInt64

  /// Of a device: writes 1 to 8 bytes, little-endian.
  func write(_ value: UInt64, byteCount: Int, at offset: UInt64) throws(Errno)

  /// Of a device: maps a part of a region.
  func map(at offset: UInt64, byteCount: Int) throws(Errno) -> any HostMemoryArea
}

/// A file of the host's VFIO. The kernel resets a device when its last descriptor is closed, and unpins memory with the container.
final class VFIOKernelFile: VFIOFile {
  private let file: OwnedDescriptor

  /// Opens a container or a group.
  init(path: String) throws(Errno) { file = try OwnedDescriptor.open(path, flags: O_RDWR) }

  private init(adopting descriptor: Int32) { file = OwnedDescriptor(adopting: descriptor) }

  var descriptor: Int32 { file.rawValue }

  func perform(_ request: UInt, _ number: Int) throws(Errno) -> Int32 {
    try check(ckvm_ioctl(descriptor, request, UInt(bitPattern: number)))
  }

  func perform(_ request: UInt, _ structure: inout [UInt32]) throws(Errno) -> Int32 {
    try check(KVMCall.make(descriptor, request, sized: &structure))
  }

  func join(_ container: any VFIOFile) throws(Errno) {
    try check(ckvm_vfio_set_container(descriptor, container.descriptor))
  }

  func openDevice(_ address: HostPCIAddress) throws(Errno) -> any VFIOFile {
    VFIOKernelFile(
      adopting: try check(
        ckvm_vfio_open_device(descriptor, address.domain, address.bus, address.device, address.function)))
  }

  func read(_ byteCount: Int, at offset: UInt64) throws(Errno) -> UInt64 {
    let read = ckvm_region_read(descriptor, offset, UInt32(truncatingIfNeeded: byteCount))
    guard try check(read.result) == Int64(byteCount) else { throw .ioError }
    return read.value
  }

  func write(_ value: UInt64, byteCount: Int, at offset: UInt64) throws(Errno) {
    let count = try check(
      ckvm_region_write(descriptor, offset, UInt32(truncatingIfNeeded: byteCount), value))
    guard count == Int64(byteCount) else { throw .ioError }
  }

  func map(at offset: UInt64, byteCount: Int) throws(Errno) -> any HostMemoryArea {
    try VFIOMemoryArea(
      Mapping.shared(descriptor: descriptor, byteCount: byteCount, offset: Int64(bitPattern: offset)))
  }
}

/// A part of a device's region in this process's memory, which no code here reads or writes.
private final class VFIOMemoryArea: HostMemoryArea {
  private let mapping: Mapping

  init(_ mapping: consuming Mapping) { self.mapping = mapping }

  var byteCount: UInt64 { UInt64(mapping.byteCount) }
  var host: HostAddress { HostAddress(mapping.address) }
}

/// Requests of VFIO's files (linux/vfio.h).
enum VFIORequest {
  /// Of the container: VFIO_GET_API_VERSION, VFIO_CHECK_EXTENSION, VFIO_SET_IOMMU, VFIO_IOMMU_MAP_DMA.
  static let apiVersion = CKVM_VFIO_GET_API_VERSION
  static let checkExtension = CKVM_VFIO_CHECK_EXTENSION
  static let setIOMMU = CKVM_VFIO_SET_IOMMU
  static let mapMemory = CKVM_VFIO_IOMMU_MAP_DMA
  /// Of a group: VFIO_GROUP_GET_STATUS.
  static let groupStatus = CKVM_VFIO_GROUP_GET_STATUS
  /// Of a device: VFIO_DEVICE_GET_INFO, VFIO_DEVICE_GET_REGION_INFO, VFIO_DEVICE_GET_IRQ_INFO, VFIO_DEVICE_SET_IRQS,
  /// VFIO_DEVICE_RESET.
  static let deviceInfo = CKVM_VFIO_DEVICE_GET_INFO
  static let regionInfo = CKVM_VFIO_DEVICE_GET_REGION_INFO
  static let interruptInfo = CKVM_VFIO_DEVICE_GET_IRQ_INFO
  static let setInterrupts = CKVM_VFIO_DEVICE_SET_IRQS
  static let reset = CKVM_VFIO_DEVICE_RESET
}
