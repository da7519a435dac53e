import SystemPackage

/// A vhost driver of the host's kernel, as one open device of it: it serves the rings of one virtio device.
///
/// Each call is one ioctl(2) of linux/vhost.h. Any thread, one at a time.
protocol VhostDriver: AnyObject, Sendable {
  /// The features that the driver knows (VHOST_GET_FEATURES).
  func features() throws(Errno) -> VirtioFeatures

  /// The version of the interface of vhost_scsi (VHOST_SCSI_GET_ABI_VERSION); other drivers have none.
  func interfaceVersion() throws(Errno) -> Int32

  /// The index of the next entry of a ring's available ring (VHOST_GET_VRING_BASE).
  func base(ofRing ring: Int) throws(Errno) -> UInt16

  /// Makes a request that changes something.
  func perform(_ request: VhostRequest) throws(Errno)
}

/// A request to a vhost driver that changes something. Rings are numbered from 0 within an open device.
enum VhostRequest: Equatable, Sendable {
  /// VHOST_SET_OWNER: before any other request; the driver's thread uses this process's address space from then on.
  case setOwner
  /// VHOST_SET_FEATURES.
  case setFeatures(VirtioFeatures)
  /// VHOST_SET_MEM_TABLE.
  case setMemory(VhostMemoryTable)
  /// VHOST_SET_VRING_NUM: the number of entries.
  case setSize(ring: Int, UInt16)
  /// VHOST_SET_VRING_BASE.
  case setBase(ring: Int, UInt16)
  /// VHOST_SET_VRING_ADDR.
  case setAddress(ring: Int, VhostRingAddress)
  /// VHOST_SET_VRING_KICK: the eventfd that the driver waits for.
  case setKick(ring: Int, Int32)
  /// VHOST_SET_VRING_CALL: the eventfd that the driver signals when it has used buffers.
  case setCall(ring: Int, Int32)
  /// VHOST_SET_VRING_ERR: the eventfd that the driver signals when a ring breaks the rules of virtqueues.
  case setError(ring: Int, Int32)
  /// VHOST_SCSI_SET_ENDPOINT: the target that all rings lead to.
  case setEndpoint(VhostSCSITarget)
  /// VHOST_SCSI_CLEAR_ENDPOINT: waits for the requests in flight.
  case clearEndpoint(VhostSCSITarget)
  /// VHOST_NET_SET_BACKEND: the tap of a ring; nil: the driver stops the ring.
  case setTap(ring: Int, Int32?)
  /// VHOST_VSOCK_SET_GUEST_CID.
  case setContextID(UInt32)
  /// VHOST_VSOCK_SET_RUNNING.
  case setRunning(Bool)
}

/// Where a ring is in this process.
struct VhostRingAddress: Equatable, Sendable {
  let descriptorTable: HostAddress
  let availableRing: HostAddress
  let usedRing: HostAddress
}
