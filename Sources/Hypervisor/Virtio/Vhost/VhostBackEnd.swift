/// What serves the rings of a vhost device: another process, by messages of vhost-user, or a driver of the host's kernel, by
/// ioctls.
///
/// A ring is stopped until ``start(_:base:)``, and again after ``stop(_:)``. One thread at a time.
protocol VhostBackEnd: ~Copyable {
  associatedtype Failure: Error

  /// Accepts `features`, which the driver negotiated, for all rings.
  mutating func setFeatures(_ features: VirtioFeatures) throws(Failure)

  /// Gives the back end access to the guest's memory.
  mutating func setMemory(_ memory: GuestMemory) throws(Failure)

  /// Starts a ring at `base`, the index of the next entry of its available ring.
  mutating func start(_ ring: VhostRing, base: UInt16) throws(Failure)

  /// Makes a ring that is served signal `ring.call` from now on.
  mutating func setCall(_ ring: VhostRing) throws(Failure)

  /// Stops a ring; returns the index of the next entry of its available ring. The back end touches neither the ring nor its
  /// buffers any more.
  @discardableResult
  mutating func stop(_ index: Int) throws(Failure) -> UInt16
}

/// A ring that a back end serves.
struct VhostRing: Equatable, Sendable {
  /// Its number.
  let index: Int
  /// Where it is in the guest's memory.
  let layout: VirtqueueLayout
  /// The eventfd that the driver's notification signals.
  let kick: Int32
  /// The eventfd that the back end signals when it has used buffers.
  var call: Int32
}

extension VhostBackEnd where Self: ~Copyable {
  /// Starts all rings of a device at the positions that `base` returns.
  mutating func start(
    _ rings: [VhostRing], features: VirtioFeatures, memory: GuestMemory, base: (VhostRing) -> UInt16
  ) throws(Failure) {
    try setFeatures(features)
    try setMemory(memory)
    for ring in rings { try start(ring, base: base(ring)) }
  }

  /// Stops all rings of a device.
  mutating func stop(_ rings: [VhostRing]) throws(Failure) {
    for ring in rings { try stop(ring.index) }
  }
}
