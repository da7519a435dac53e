import CGuest

/// What a hostile guest does to a virtqueue. The error register of virtio is its device status.
extension VirtioBlockDriverQueue {
  /// How long to wait for the device to ask for a reset.
  private static var timeoutTicks: UInt64 { 1 << 33 }
  /// Guest-physical memory never reaches this far.
  private static var outsideMemory: UInt64 { 1 << 45 }

  mutating func misbehave(
    _ kind: Misbehaviour, buffer: UInt64, parameters: Parameters
  ) throws(GuestFailure) -> UInt64 {
    let valid = DriverRequest(
      id: 0, operation: .read, offset: 0, buffer: buffer,
      byteCount: UInt32(truncatingIfNeeded: parameters.blockByteCount))
    for _ in 0..<8 { _ = try roundTrip(valid) }

    // The last descriptors belong to no request that is in flight.
    let head = rings.size - 2
    let descriptor = rings.descriptors + UInt64(head) * 16
    switch kind {
    case .availableIndexJump: advanceAvailable(by: rings.size + 1)
    case .descriptorLoop:
      storeDescriptor(descriptor, address: buffer, byteCount: 16, flags: DescriptorFlag.next, next: head + 1)
      storeDescriptor(descriptor + 16, address: buffer, byteCount: 16, flags: DescriptorFlag.next, next: head)
      offer(head)
    case .segmentOutsideMemory:
      storeDescriptor(descriptor, address: Self.outsideMemory, byteCount: 16, flags: 0, next: 0)
      offer(head)
    case .segmentWraps:
      storeDescriptor(descriptor, address: 0 &- 16, byteCount: 64, flags: 0, next: 0)
      offer(head)
    case .listOutsideMemory:
      storeDescriptor(
        descriptor, address: Self.outsideMemory, byteCount: 48, flags: DescriptorFlag.indirect, next: 0)
      offer(head)
    case .idOutOfRange: offer(rings.size)
    case .pageFault: _ = guest_load64(0)
    default: throw GuestFailure(reason: .badParameter, detail: UInt64(ParameterWord.misbehaviour))
    }
    kick()
    return UInt64(statusOnceReset())
  }

  /// The device status once it asks for a reset, or after a long while.
  private func statusOnceReset() -> UInt8 {
    let address = Handover.device + VirtioBlockDevice.Common.deviceStatus
    let deadline = guest_ticks() &+ Self.timeoutTicks
    while true {
      let status = guest_load8(address)
      if status & VirtioBlockDevice.Status.needsReset != 0 || guest_ticks() > deadline { return status }
      guest_pause()
    }
  }
}
