import CKVM
import Glibc
import HostSystem
import SystemPackage
import VextProtocol

/// An open device of a vhost driver of the host's kernel, such as /dev/vhost-vsock. The driver drops its rings when it is closed.
final class VhostFile: VhostDriver {
  private let descriptor: OwnedDescriptor

  /// Opens the device at `path`, which loads the driver's module where the host lets that happen.
  ///
  /// - Parameter module: the driver's module, for the error message.
  init(path: String, module: String) throws(VhostError) {
    do throws(Errno) { descriptor = try OwnedDescriptor.open(path, flags: O_RDWR) } catch {
      switch error {
      case .noSuchFileOrDirectory, .operationNotSupportedByDevice, .noSuchAddressOrDevice:
        throw .missing(path: path, module: module)
      default: throw .cannotOpen(path: path, error)
      }
    }
  }

  func features() throws(Errno) -> VirtioFeatures {
    var features: UInt64 = 0
    try check(KVMCall.make(descriptor.rawValue, CKVM_VHOST_GET_FEATURES, &features))
    return VirtioFeatures(rawValue: features)
  }

  func interfaceVersion() throws(Errno) -> Int32 {
    var version: Int32 = 0
    try check(KVMCall.make(descriptor.rawValue, CKVM_VHOST_SCSI_GET_ABI_VERSION, &version))
    return version
  }

  func base(ofRing ring: Int) throws(Errno) -> UInt16 {
    var state = vhost_vring_state(index: UInt32(ring), num: 0)
    try check(KVMCall.make(descriptor.rawValue, CKVM_VHOST_GET_VRING_BASE, &state))
    return UInt16(truncatingIfNeeded: state.num)
  }

  func perform(_ request: VhostRequest) throws(Errno) {
    switch request {
    case .setOwner: try check(ckvm_ioctl(descriptor.rawValue, CKVM_VHOST_SET_OWNER, 0))
    case .setFeatures(let features): try make(CKVM_VHOST_SET_FEATURES, features.rawValue)
    case .setMemory(let table): try set(table)
    case .setSize(let ring, let size):
      try make(CKVM_VHOST_SET_VRING_NUM, vhost_vring_state(index: UInt32(ring), num: UInt32(size)))
    case .setBase(let ring, let base):
      try make(CKVM_VHOST_SET_VRING_BASE, vhost_vring_state(index: UInt32(ring), num: UInt32(base)))
    case .setAddress(let ring, let address):
      var argument = vhost_vring_addr()
      argument.index = UInt32(ring)
      argument.desc_user_addr = address.descriptorTable.rawValue
      argument.avail_user_addr = address.availableRing.rawValue
      argument.used_user_addr = address.usedRing.rawValue
      try make(CKVM_VHOST_SET_VRING_ADDR, argument)
    case .setKick(let ring, let event): try setFile(CKVM_VHOST_SET_VRING_KICK, ring, event)
    case .setCall(let ring, let event): try setFile(CKVM_VHOST_SET_VRING_CALL, ring, event)
    case .setError(let ring, let event): try setFile(CKVM_VHOST_SET_VRING_ERR, ring, event)
    case .setTap(let ring, let tap): try setFile(CKVM_VHOST_NET_SET_BACKEND, ring, tap ?? VHOST_FILE_UNBIND)
    case .setEndpoint(let target): try setTarget(CKVM_VHOST_SCSI_SET_ENDPOINT, target)
    case .clearEndpoint(let target): try setTarget(CKVM_VHOST_SCSI_CLEAR_ENDPOINT, target)
    case .setContextID(let contextID): try make(CKVM_VHOST_VSOCK_SET_GUEST_CID, UInt64(contextID))
    case .setRunning(let isRunning): try make(CKVM_VHOST_VSOCK_SET_RUNNING, Int32(isRunning ? 1 : 0))
    }
  }

  private func setFile(_ request: UInt, _ ring: Int, _ file: Int32) throws(Errno) {
    try make(request, vhost_vring_file(index: UInt32(ring), fd: file))
  }

  private func setTarget(_ request: UInt, _ target: VhostSCSITarget) throws(Errno) {
    var words = target.encoded
    try check(KVMCall.make(descriptor.rawValue, request, &words))
  }

  /// A header of 8 bytes with the number of regions, then 32 bytes for each.
  private func set(_ memory: VhostMemoryTable) throws(Errno) {
    var table = KVMTable(wordsPerEntry: 4, count: memory.regions.count)
    for (index, region) in memory.regions.enumerated() {
      table[index, 0] = region.start.rawValue
      table[index, 1] = region.byteCount
      table[index, 2] = region.host.rawValue
    }
    try check(KVMCall.make(descriptor.rawValue, CKVM_VHOST_SET_MEM_TABLE, &table))
  }

  private func make<Argument: BitwiseCopyable>(_ request: UInt, _ argument: Argument) throws(Errno) {
    var argument = argument
    try check(KVMCall.make(descriptor.rawValue, request, &argument))
  }
}
