import VextProtocol

/// What the registers of a vext function tell of its disk and its limits (docs/vext-protocol.md §3.1).
struct VextDiskGeometry: Equatable, Sendable {
  let byteCount: UInt64
  let blockByteCount: UInt32
  let flags: VextDeviceFlags
  let maxTransferByteCount: UInt32
  let maxSegments: UInt32
  let maxRangeByteCount: UInt32
  let maxQueueDepth: UInt32
}

extension VextDiskGeometry {
  /// What the queues of this process do for `disk`.
  init(_ disk: DiskHandle) {
    byteCount = disk.byteCount
    blockByteCount = disk.blockByteCount
    if disk.isReadOnly {
      flags = .readOnly
    } else {
      flags = disk.canDiscard ? [.discard, .writeZeroes] : .writeZeroes
    }
    maxTransferByteCount = VextServedDisk.maxTransferByteCount
    maxSegments = UInt32(VextDeviceRequestTable.maxSegments)
    maxRangeByteCount = VextServedDisk.maxRangeByteCount
    maxQueueDepth = VextDevice.maxQueueDepth
  }
}
