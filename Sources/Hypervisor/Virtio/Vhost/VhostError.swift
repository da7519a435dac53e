public import SystemPackage

/// Why a vhost driver of the host's kernel cannot serve a device.
public enum VhostError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The host has no such device: the driver's module is not loaded.
  case missing(path: String, module: String)
  /// open(2) of the device failed.
  case cannotOpen(path: String, Errno)
  /// The driver lacks a feature that is needed.
  case lacks(String)
  /// Another guest has the context ID.
  case contextIDInUse(UInt32)
  /// The host's SCSI stack has no such target for vhost, or another guest uses it.
  case noTarget(String)
  /// vhost_scsi has another version of its interface.
  case interfaceVersion(Int32)
  /// The driver of the guest has started the device without one of its queues.
  case queueMissing(Int)
  /// A ring is misaligned, or not wholly within the guest's memory.
  case ringOutsideMemory(Int)
  /// A request failed.
  case failed(String, Errno)

  /// One line for a person.
  public var description: String {
    switch self {
    case .missing(let path, let module): "there is no \(path); load the host's module: modprobe \(module)"
    case .cannotOpen(let path, .permissionDenied):
      "cannot open \(path): Permission denied; run lkvm as root or as a member of the device's group"
    case .cannotOpen(let path, let errno): "cannot open \(path): \(errno)"
    case .lacks(let feature): "the host's vhost driver lacks \(feature)"
    case .contextIDInUse(let contextID): "another guest has the context ID \(contextID); choose another one"
    case .noTarget(let name):
      "\(name): the host has no such target below /sys/kernel/config/target/vhost, or the target has no nexus, or another guest uses it"
    case .interfaceVersion(let version):
      "the host's vhost_scsi has version \(version) of its interface; 1 is needed"
    case .queueMissing(let index): "the guest's driver did not set up queue \(index)"
    case .ringOutsideMemory(let index): "queue \(index) does not lie in the guest's memory"
    case .failed(let request, let errno): "\(request): \(errno)"
    }
  }
}
