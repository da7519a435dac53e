/// The vext PCI function's identity (docs/vext-protocol.md §2).
///
/// The owner of vendor 1AF4h reserves 1AF4h:10F0h-10FFh for experiments without registration.
public enum VextPCIIdentity {
  /// PCI vendor ID.
  public static let vendor: UInt16 = 0x1AF4
  /// PCI device ID.
  public static let device: UInt16 = 0x10F5
  /// PCI class code: mass storage, other.
  public static let classCode: UInt32 = 0x01_80_00
}

/// Byte offsets of the control registers in BAR0 (docs/vext-protocol.md §3). Little-endian.
///
/// Drivers access 32-bit registers with 32 bits, and 64-bit registers with 64 bits or with twice 32 bits, low half first.
public enum VextRegister {
  /// RO, 32 bits: ``magicValue``.
  public static let magic: UInt64 = 0x00
  /// RO, 32 bits: the protocol version, 1.
  public static let version: UInt64 = 0x04
  /// RO, 64 bits: features that the device offers.
  public static let deviceFeatures: UInt64 = 0x08
  /// RW, 64 bits: features that the driver accepts; a bit that was not offered is ignored.
  public static let driverFeatures: UInt64 = 0x10
  /// RO, 64 bits: the disk's size in bytes.
  public static let capacity: UInt64 = 0x18
  /// RO, 32 bits: the block size in bytes; offsets, lengths, segment addresses and segment lengths are multiples of it.
  public static let blockByteCount: UInt64 = 0x20
  /// RO, 32 bits: maximum number of bytes that one request may move.
  public static let maxTransferByteCount: UInt64 = 0x24
  /// RO, 32 bits: maximum number of entries of a segment list.
  public static let maxSegments: UInt64 = 0x28
  /// RO, 32 bits: the number of queues.
  public static let queueCount: UInt64 = 0x2C
  /// RO, 32 bits: the largest depth of a queue.
  public static let maxQueueDepth: UInt64 = 0x30
  /// RO, 32 bits: ``VextDeviceFlags``.
  public static let deviceFlags: UInt64 = 0x34
  /// WO, 32 bits: any write disables every queue, as one write of 0 to each queue's control would.
  public static let reset: UInt64 = 0x38
  /// RO, 32 bits: maximum number of bytes of one discard or write-zeroes.
  public static let maxRangeByteCount: UInt64 = 0x3C

  /// Value of ``magic``: "VEXT" in ASCII, little-endian.
  public static let magicValue: UInt32 = 0x5458_4556
  /// Value of ``version``.
  public static let versionValue: UInt32 = 1

  /// Offset of the register block of queue 0.
  public static let queueBase: UInt64 = 0x1000
  /// Distance from one queue's block to the next.
  public static let queueStride: UInt64 = 0x40

  /// Size of BAR0 in bytes.
  public static let barByteCount: UInt64 = 0x4000
  /// Maximum number of queues, which fit into BAR0.
  public static let queueLimit: UInt32 = 128

  /// The offset in BAR0 of the register `register` of queue `index`.
  @inlinable
  public static func queue(_ index: UInt16, _ register: VextQueueRegister) -> UInt64 {
    queueBase &+ UInt64(index) &* queueStride &+ register.rawValue
  }
}

/// Byte offsets within a queue's register block (docs/vext-protocol.md §3.2).
public enum VextQueueRegister: UInt64, CaseIterable, Sendable {
  /// RW, 64 bits: guest-physical address of the submission ring, a multiple of 64.
  case submissionRing = 0x00
  /// RW, 64 bits: guest-physical address of the completion ring, a multiple of 64.
  case completionRing = 0x08
  /// RW, 32 bits: number of entries in each ring, a power of two from 2 to the largest depth.
  case depth = 0x10
  /// WO, 32 bits: 1 enables the queue with the values above, 0 disables it; returns when that is done.
  case control = 0x14
  /// RO, 32 bits: a ``VextQueueState``.
  case state = 0x18
  /// RO, 32 bits: a ``VextQueueError``; 0 if there was no error since the queue was last enabled.
  case error = 0x1C
  /// RO, 64 bits: the detail of the error, as ``VextQueueError`` defines it.
  case errorDetail = 0x20
  /// RW, 64 bits: guest-physical address of the wake block, a multiple of 64; only with a feature of ``VextFeatures``.
  case wakeBlock = 0x28
  /// WO, 32 bits: any write wakes the device; only with ``VextFeatures/doorbell``.
  case doorbell = 0x30
  /// WO, 32 bits: a write lets other threads of the host run on the writing CPU; only with ``VextFeatures/contention``.
  case yield = 0x34
}

/// Bits of ``VextRegister/deviceFeatures`` and ``VextRegister/driverFeatures`` (docs/vext-protocol.md §8).
@frozen
public struct VextFeatures: OptionSet, BitwiseCopyable, Sendable {
  /// The bits of the register.
  public let rawValue: UInt64

  /// Takes all bits, known or not.
  @inlinable
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// The device may sleep; the driver then rings the doorbell.
  public static var doorbell: VextFeatures { VextFeatures(rawValue: 1 << 0) }
  /// The driver may sleep; the device then raises the queue's interrupt.
  public static var interrupt: VextFeatures { VextFeatures(rawValue: 1 << 1) }
  /// The device publishes whether the driver's CPUs are needed by others; the driver may then give its CPU up.
  public static var contention: VextFeatures { VextFeatures(rawValue: 1 << 2) }
}

/// Bits of ``VextRegister/deviceFlags``.
@frozen
public struct VextDeviceFlags: OptionSet, BitwiseCopyable, Sendable {
  /// The bits of the register.
  public let rawValue: UInt32

  /// Takes all bits, known or not.
  @inlinable
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// Writes, discards and write-zeroes complete with EROFS.
  public static let readOnly = VextDeviceFlags(rawValue: 1 << 0)
  /// The disk supports discards; otherwise they complete with EOPNOTSUPP, or with EROFS if the disk is read-only.
  public static let discard = VextDeviceFlags(rawValue: 1 << 1)
  /// The disk supports write-zeroes; otherwise they complete with EOPNOTSUPP, or with EROFS if the disk is read-only.
  public static let writeZeroes = VextDeviceFlags(rawValue: 1 << 2)
}

/// The state of a queue (docs/vext-protocol.md §5).
@frozen
public enum VextQueueState: UInt32, Sendable {
  /// The device does not serve the queue; the driver may write its registers.
  case disabled = 0
  /// The device serves the queue.
  case enabled = 1
  /// The device does not serve the queue, because the driver broke the protocol; `error` says how. Disabling ends this
  /// state.
  case stopped = 2
}

/// The reason why a queue stopped or could not be enabled (docs/vext-protocol.md §5.2).
///
/// `errorDetail` holds the slot of the entry at fault, unless the case names another detail.
@frozen
public enum VextQueueError: UInt32, CaseIterable, Sendable {
  /// There was no error.
  case none = 0
  /// The depth is not a power of two from 2 to the largest depth. Detail: the depth.
  case badDepth = 1
  /// A ring's address is not a multiple of 64. Detail: the address.
  case misalignedRing = 2
  /// A ring lies outside guest memory. Detail: the address.
  case ringOutsideMemory = 3
  /// The queue was enabled while it was enabled or stopped. Detail: zero.
  case alreadyEnabled = 4
  /// A slot carries a lap that no correct driver writes.
  case badLap = 5
  /// The operation is not one of ``VextOperation``.
  case badOperation = 6
  /// A reserved flag or field is set, or a flag or field that the operation does not use.
  case reservedNotZero = 7
  /// The id is not less than the depth.
  case idOutOfRange = 8
  /// The id belongs to a request that is not completed yet.
  case idInFlight = 9
  /// Offset, length, or a segment's address or length is not a multiple of the block size, or a segment list's
  /// address is not a multiple of 8.
  case misaligned = 10
  /// The request ends past the end of the disk, or wraps around 2^64.
  case rangeOutsideDisk = 11
  /// A segment, or the segment list, lies outside guest memory or wraps around 2^64.
  case segmentOutsideMemory = 12
  /// A segment list has no entry, too many, or a length that is not a multiple of 16, or segment 1 is used as well.
  case badSegmentList = 13
  /// The length of the request is not allowed: a transfer without bytes, with an empty segment or with too many bytes; a
  /// discard or write-zeroes of no bytes or too many; too little room for an identity.
  case badTransferLength = 14
  /// The rings overlap each other. Detail: the completion ring's address.
  case ringsOverlap = 15
  /// The device has no memory for another queue. Detail: zero.
  case outOfResources = 16
  /// The wake block is not at a multiple of 64, lies outside guest memory or overlaps a ring. Detail: its address.
  case badWakeBlock = 17
}
