import HostSystem

/// A ring of a vhost-user front end: what the front end said of it, and the queue that serves it.
struct VhostUserRing: ~Copyable {
  /// Where the ring is, in the front end's addresses.
  struct Addresses: Equatable, Sendable {
    let descriptorTable: UInt64
    let usedRing: UInt64
    let availableRing: UInt64
  }

  /// A ring that an I/O thread serves.
  struct Running {
    let queue: VirtioBlockDeviceQueue
    let port: ForeignVirtqueuePort
    let server: any IOQueueServer
  }

  var size: UInt16 = 0
  var addresses: Addresses?
  /// The next entry of the available ring.
  var base: UInt16 = 0
  /// Whether the front end wants the ring to be served: since SET_VRING_KICK, until GET_VRING_BASE.
  var isStarted = false
  var isEnabled = false
  var kick: OwnedDescriptor?
  var call: OwnedDescriptor?
  var errorEvent: OwnedDescriptor?
  var running: Running?
}
