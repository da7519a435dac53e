public import VextProtocol

/// The layout of a virtqueue: its size and its three areas in guest RAM (virtio 1.2 §2.7).
public struct VirtqueueLayout: Equatable, Sendable {
  /// Number of entries, a power of two.
  public var size: UInt16
  /// `size` descriptors of 16 bytes, 16-byte aligned.
  public var descriptorTable: GuestAddress
  /// flags, index, `size` heads and the used event, 16 bits each, 2-byte aligned.
  public var availableRing: GuestAddress
  /// flags and index (16 bits), `size` entries of two 32-bit words, the available event (16 bits), 4-byte aligned.
  public var usedRing: GuestAddress

  /// Makes a layout, which ``Virtqueue`` checks.
  public init(
    size: UInt16, descriptorTable: GuestAddress = GuestAddress(0),
    availableRing: GuestAddress = GuestAddress(0),
    usedRing: GuestAddress = GuestAddress(0)
  ) {
    self.size = size
    self.descriptorTable = descriptorTable
    self.availableRing = availableRing
    self.usedRing = usedRing
  }

  /// Size of the descriptor table in bytes.
  var descriptorTableByteCount: UInt64 { UInt64(size) * 16 }
  /// Size of the available ring in bytes, the used event included.
  var availableRingByteCount: UInt64 { 6 + UInt64(size) * 2 }
  /// Size of the used ring in bytes, the available event included.
  var usedRingByteCount: UInt64 { 6 + UInt64(size) * 8 }
}
