import HostSystem

/// The memory in which a back end notes the requests that are in flight, as a front end keeps it for the back end's successor
/// ("Inflight I/O tracking"). The front end never maps it.
struct VhostUserInflight: ~Copyable, Sendable {
  /// Where the memory is, and for how many queues.
  struct Description: Equatable, Sendable {
    let byteCount: UInt64
    let offset: UInt64
    let queueCount: UInt16
    let queueSize: UInt16

    init(byteCount: UInt64, offset: UInt64, queueCount: UInt16, queueSize: UInt16) {
      self.byteCount = byteCount
      self.offset = offset
      self.queueCount = queueCount
      self.queueSize = queueSize
    }

    /// Reads the payload of GET_INFLIGHT_FD or SET_INFLIGHT_FD: 20 bytes, and 4 of padding from most senders.
    init(_ message: VhostUserMessage) throws(VhostUserError) {
      guard message.payload.count == 20 || message.payload.count == 24 else { throw message.badLength }
      let long = VhostUserMessage.longWords(message.payload)
      let word = VhostUserMessage.words(message.payload)[4]
      self.init(
        byteCount: long[0], offset: long[1], queueCount: UInt16(truncatingIfNeeded: word),
        queueSize: UInt16(truncatingIfNeeded: word >> 16))
    }

    var encoded: [UInt8] {
      var writer = VextServiceWriter()
      writer.write(byteCount)
      writer.write(offset)
      writer.write(queueCount)
      writer.write(queueSize)
      // QEMU and DPDK accept nothing but the C structure's size.
      writer.write(0 as UInt32)
      return writer.bytes
    }
  }

  let description: Description
  let descriptor: OwnedDescriptor
}
