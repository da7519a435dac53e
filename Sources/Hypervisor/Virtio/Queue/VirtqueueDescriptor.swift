import VextProtocol

/// One descriptor, copied out of guest memory (virtio 1.2 §2.7.5): a buffer, or a table of more descriptors.
///
/// ```
/// byte 0: address (64 bits)   8: length (32)   12: flags (16)   14: next (16)      all little-endian
/// ```
struct VirtqueueDescriptor: BitwiseCopyable {
  /// Bits of the flags.
  struct Flags: OptionSet, BitwiseCopyable {
    let rawValue: UInt16
    /// VIRTQ_DESC_F_NEXT: the chain continues at `next`.
    static let next = Flags(rawValue: 1)
    /// VIRTQ_DESC_F_WRITE: the device writes to the buffer and does not read it.
    static let write = Flags(rawValue: 2)
    /// VIRTQ_DESC_F_INDIRECT: the buffer is a table of descriptors.
    static let indirect = Flags(rawValue: 4)
  }

  /// Size of a descriptor in a table, in bytes.
  static let byteCount = 16

  let address: GuestAddress
  let length: UInt32
  let flags: Flags
  let next: UInt16

  @inline(__always)
  init(_ first: UInt64, _ second: UInt64) {
    address = GuestAddress(first)
    length = UInt32(truncatingIfNeeded: second)
    flags = Flags(rawValue: UInt16(truncatingIfNeeded: second &>> 32))
    next = UInt16(truncatingIfNeeded: second &>> 48)
  }
}
