/// What a vhost driver does with its rings: each kind of driver has requests of its own that start and stop them.
enum VhostFunction: Equatable, Sendable {
  /// vhost_net: frames between a guest's network device and the tap with this descriptor.
  case frames(tap: Int32)
  /// vhost_scsi: a target of the host's SCSI stack.
  case target(VhostSCSITarget)
  /// vhost_vsock: sockets between host and guest.
  case sockets

  /// A request and its name for error messages.
  typealias Step = (request: VhostRequest, name: String)

  /// The requests that start `rings`, which have been set up.
  func starting(_ rings: [VhostRing]) -> [Step] {
    switch self {
    case .frames(let tap):
      rings.map { (.setTap(ring: $0.index, tap), "VHOST_NET_SET_BACKEND") }
    case .target(let target): [(.setEndpoint(target), "VHOST_SCSI_SET_ENDPOINT")]
    case .sockets: [(.setRunning(true), "VHOST_VSOCK_SET_RUNNING")]
    }
  }

  /// The requests that stop `rings`; the driver touches neither the rings nor their buffers afterwards.
  func stopping(_ rings: [VhostRing]) -> [Step] {
    switch self {
    case .frames:
      rings.map { (.setTap(ring: $0.index, nil), "VHOST_NET_SET_BACKEND") }
    case .target(let target): [(.clearEndpoint(target), "VHOST_SCSI_CLEAR_ENDPOINT")]
    case .sockets: [(.setRunning(false), "VHOST_VSOCK_SET_RUNNING")]
    }
  }
}
