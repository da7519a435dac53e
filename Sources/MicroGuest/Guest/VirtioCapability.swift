/// A structure of a virtio device, found by its vendor-specific PCI capability (virtio 1.2 §4.1.4).
struct VirtioCapability {
  /// The structures that this driver needs.
  enum Kind: UInt32 {
    case common = 1
    case notify = 2
    case device = 4
  }

  /// Where the structure is in memory.
  let address: UInt64
  /// Notification structures only: bytes from one notification offset to the next (§4.1.4.4).
  let notifyMultiplier: UInt32

  private static let vendorSpecific: UInt32 = 0x09

  /// The first structure of this kind, which the device prefers (§4.1.4.1).
  static func find(_ kind: Kind, in function: DriverPCIFunction) throws(GuestFailure) -> VirtioCapability? {
    var next = function.capability(vendorSpecific)
    while let offset = next {
      if function[offset] >> 24 == kind.rawValue {
        let bar = function[offset + 4] & 0xFF
        return VirtioCapability(
          address: try function.baseAddress(bar) + UInt64(function[offset + 8]),
          notifyMultiplier: kind == .notify ? function[offset + 16] : 0)
      }
      next = function.capability(vendorSpecific, after: offset)
    }
    return nil
  }
}
