import VextProtocol

/// The legacy interface's virtqueues, in one run of guest memory (virtio 1.2 §2.7.2).
///
/// ```
/// page: descriptor table | available ring | padding to the next page | used ring
/// ```
extension VirtqueueLayout {
  private static let legacyPageByteCount: UInt64 = 4096

  /// Makes the layout of a queue of `size` entries that starts at page `page`.
  public init(size: UInt16, legacyPage page: UInt32) {
    self.init(size: size, descriptorTable: GuestAddress(UInt64(page) * Self.legacyPageByteCount))
    availableRing = GuestAddress(descriptorTable.rawValue + descriptorTableByteCount)
    let end = availableRing.rawValue + availableRingByteCount
    usedRing = GuestAddress((end + Self.legacyPageByteCount - 1) & ~(Self.legacyPageByteCount - 1))
  }

  /// The number of the queue's first page.
  var legacyPage: UInt32 { UInt32(truncatingIfNeeded: descriptorTable.rawValue / Self.legacyPageByteCount) }
}
