public import SystemPackage

/// The reason why a device of the host cannot be given to a guest.
public enum VFIOError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The host has no function at the address.
  case noDevice(HostPCIAddress)
  /// The function is in no IOMMU group.
  case noIOMMU(HostPCIAddress)
  /// The function has another driver than vfio-pci, or none.
  case otherDriver(HostPCIAddress, String?)
  /// The function is a bridge or something else without six BARs.
  case notAnEndpoint(HostPCIAddress)
  /// A file of VFIO's is not there.
  case missing(path: String)
  /// open(2) of a file of VFIO's failed.
  case cannotOpen(path: String, Errno)
  /// Functions of the group have drivers of the host's.
  case groupNotViable(String, others: [String])
  /// The host's VFIO has another interface, or not the type 1 IOMMU.
  case unsupported(String)
  /// The host's IOMMU lets a device raise interrupts that are not its own.
  case noInterruptRemapping
  /// The guest's memory cannot be pinned.
  case cannotPin(byteCount: UInt64, Errno)
  /// There is no room for a BAR below 4 GiB.
  case barTooBig(HostPCIAddress, bar: Int, byteCount: UInt64)
  /// A request failed.
  case failed(HostPCIAddress, request: String, Errno)
  /// A request to the container, or one about a group, failed.
  case containerFailed(request: String, Errno)
  /// A file of sysfs cannot be read.
  case sysfs(String)

  /// One line for a person.
  public var description: String {
    switch self {
    case .noDevice(let address): "\(address): the host has no such PCI function; lspci -D lists them"
    case .noIOMMU(let address):
      "\(address) is in no IOMMU group; switch the IOMMU on in the host's firmware, and by intel_iommu=on or amd_iommu=on on its kernel's command line"
    case .otherDriver(let address, let driver):
      "\(address) \(driver.map { "belongs to the host's driver \($0)" } ?? "has no driver"); give it to VFIO: modprobe vfio-pci, then driverctl set-override \(address) vfio-pci (docs/vfio.md)"
    case .notAnEndpoint(let address): "\(address) is a bridge; pass the devices behind it"
    case .missing(let path): "there is no \(path); load the host's module: modprobe vfio-pci"
    case .cannotOpen(let path, .permissionDenied):
      "cannot open \(path): Permission denied; run lkvm as root, or make its user the file's owner"
    case .cannotOpen(let path, .resourceBusy):
      "\(path) is in use: another guest or program has a device of this IOMMU group"
    case .cannotOpen(let path, let errno): "cannot open \(path): \(errno)"
    case .groupNotViable(let group, let others):
      "IOMMU group \(group) also has \(others.joined(separator: ", ")) with drivers of the host; bind all devices of the group to vfio-pci"
    case .unsupported(let what):
      "the host's VFIO has no \(what); load the host's module: modprobe vfio_iommu_type1"
    case .noInterruptRemapping:
      "the host's IOMMU does not remap interrupts, so that a device can raise those of others; where the guest is trusted: modprobe vfio_iommu_type1 allow_unsafe_interrupts=1"
    case .cannotPin(let byteCount, .noMemory):
      "cannot pin \(byteCount >> 20) MiB of guest memory; raise the limit of locked memory (ulimit -l; LimitMEMLOCK= of systemd), or run lkvm as root"
    case .cannotPin(let byteCount, let errno): "cannot pin \(byteCount >> 20) MiB of guest memory: \(errno)"
    case .barTooBig(let address, let bar, let byteCount):
      "\(address): BAR \(bar) has \(byteCount >> 20) MiB, more than fits below 4 GiB; lower it in the host's firmware (resizable BAR)"
    case .failed(let address, let request, let errno): "\(address): \(request): \(errno)"
    case .containerFailed(let request, let errno): "\(request): \(errno)"
    case .sysfs(let text): text
    }
  }
}
