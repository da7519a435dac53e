import CGuest

/// What a hostile guest does with doorbell and interrupt. None of it is an error: it harms the guest alone.
extension AdaptiveVextDriverQueue {
  /// How often a hostile loop does what it does.
  private static var attemptCount: Int { 2_000 }

  mutating func misbehave(
    _ kind: Misbehaviour, buffer: UInt64, parameters: Parameters
  ) throws(GuestFailure) -> UInt64 {
    let valid = DriverRequest(
      id: 0, operation: .read, offset: 0, buffer: buffer,
      byteCount: UInt32(truncatingIfNeeded: parameters.blockByteCount))
    for _ in 0..<8 { _ = try roundTrip(valid) }
    switch kind {
    case .doorbellStorm:
      for _ in 0..<Self.attemptCount { ring() }
      _ = try roundTrip(valid)
    case .forgedWakeWords:
      // The device's own word says what this guest likes, so that it may not ring; so it always does.
      for attempt in 0..<UInt64(Self.attemptCount) {
        guest_store64(queue.wakeBlock, attempt &* 0x9E37_79B9_7F4A_7C15)
        guest_store64(queue.wakeBlock + UInt64(VextWakeBlock.driverOffset), attempt | 1)
        queue.submit(valid)
        ring()
        while try queue.poll() == nil { guest_pause() }
      }
    case .neverRings:
      // Nobody tells the device: it answers when it wakes for somebody else, or not at all.
      queue.submit(valid)
      queue.disable()
      try queue.enable()
    case .forgedContention:
      // The word is only read by this guest; the register only makes its own vCPU wait.
      for attempt in 0..<UInt64(Self.attemptCount) {
        guest_store64(
          queue.wakeBlock + UInt64(VextWakeBlock.contentionOffset), attempt &* 0x9E37_79B9_7F4A_7C15 | 1)
        for _ in 0..<attempt % 4 { yieldCPU() }
        _ = try roundTrip(valid)
      }
    case .wakeBlockOutsideMemory:
      queue.disable()
      guest_store64(queue.device + VextRegister.queue(queue.index, .wakeBlock), 1 << 45)
      guest_store32(queue.device + VextRegister.queue(queue.index, .control), 1)
    case .pageFault: _ = guest_load64(0)
    default: throw GuestFailure(reason: .badParameter, detail: UInt64(ParameterWord.misbehaviour))
    }
    return UInt64(queue.register(.error))
  }
}
