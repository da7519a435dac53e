import HostSystem

/// The rings of a device, by number.
struct VhostUserRingTable: ~Copyable {
  private final class Slot { var ring = VhostUserRing() }

  private let slots: [Slot]

  init(count: Int) { slots = (0..<count).map { _ in Slot() } }

  subscript(index: Int) -> VhostUserRing {
    _read { yield slots[index].ring }
    nonmutating _modify { yield &slots[index].ring }
  }

  /// Whether any ring is served.
  var isAnyRunning: Bool { slots.contains { $0.ring.running != nil } }

  var indices: Range<Int> { slots.indices }
}

/// A descriptor or none, in a tuple.
final class OwnedDescriptorBox {
  private var descriptor: OwnedDescriptor?

  init(_ descriptor: consuming OwnedDescriptor?) { self.descriptor = descriptor }

  func take() -> OwnedDescriptor? { descriptor.take() }
}
