import VextProtocol

@testable import VextClient

extension VextClientQueue {
  /// Writes an answer as a device that breaks the protocol would, to the ring that the client gave it.
  func forgeAnswer(_ entry: VextCompletionEntry) {
    let address = device.registers.load64(VextRegister.queue(index, .completionRing))
    guard let offset = memory.map.offset(of: address) else { preconditionFailure("the ring is in the pool") }
    // SAFETY: the ring has `depth` entries there.
    var producer = unsafe VextCompletionProducer(ring: memory.base + offset, depth: UInt32(depth))
    producer.push(entry)
  }
}
