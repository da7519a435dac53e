/// A driver's command on the control queue (virtio 1.2 §5.1.6.5).
enum VirtioNetCommand: Equatable {
  private typealias Control = VirtioNetProtocol.Control

  /// VIRTIO_NET_CTRL_RX: all frames, or all frames for groups. It has no effect, because the device passes on every
  /// frame.
  case setReceiveMode
  /// VIRTIO_NET_CTRL_MAC_TABLE_SET: a filter, which is best effort (§5.1.6.5.2); this device filters nothing.
  case setFilter
  /// VIRTIO_NET_CTRL_MAC_ADDR_SET.
  case setAddress(MACAddress)
  /// VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET.
  case setPairs(Int)

  /// Reads a command; nil if the device does not offer it, or it is cut short.
  init?(_ chain: VirtioChain) {
    let header = chain.read(2)
    guard header.count == 2 else { return nil }
    switch (header[0], header[1]) {
    case (Control.receiveModeClass, Control.promiscuous), (Control.receiveModeClass, Control.allMulticast):
      guard let mode = chain.read(1, at: 2).first, mode <= 1 else { return nil }
      self = .setReceiveMode
    case (Control.addressClass, Control.setTable):
      // Two tables: unicast addresses, and addresses of groups.
      guard let unicastEnd = Self.endOfTable(chain, at: 2),
        let end = Self.endOfTable(chain, at: unicastEnd), end <= chain.readableByteCount
      else { return nil }
      self = .setFilter
    case (Control.addressClass, Control.setAddress):
      guard let address = MACAddress(chain.read(MACAddress.byteCount, at: 2)) else { return nil }
      self = .setAddress(address)
    case (Control.pairsClass, Control.setPairs):
      let count = chain.read(2, at: 2)
      guard count.count == 2 else { return nil }
      self = .setPairs(Int(count[0]) | Int(count[1]) << 8)
    default:
      return nil
    }
  }

  /// The end of a table at `offset`: a count of 32 bits, then the addresses.
  private static func endOfTable(_ chain: VirtioChain, at offset: Int) -> Int? {
    let bytes = chain.read(4, at: offset)
    guard bytes.count == 4 else { return nil }
    let count = bytes.reversed().reduce(0) { $0 << 8 | Int($1) }
    // At most 4 + 6 * 2^32 further than an offset within the chain.
    return offset + 4 + count * MACAddress.byteCount
  }
}
