/// A network card of a guest.
public struct GuestNetwork: Sendable {
  /// One port for each pair of queues.
  public var ports: [FramePort]
  /// The guest's address.
  public var address: MACAddress
  /// The MTU that the card reports to the guest; nil for the guest's default.
  public var mtu: UInt16?
  /// The card's virtio interface; nil for that of the guest's other devices.
  public var transport: VirtioTransport?
  /// Whether the host's vhost_net serves the card. The ports are then those of a tap.
  public var usesVhost: Bool

  /// Makes a network card with `address` and a pair of queues over each of `ports`.
  public init(
    ports: [FramePort], address: MACAddress, mtu: UInt16? = nil, transport: VirtioTransport? = nil,
    usesVhost: Bool = false
  ) {
    self.ports = ports
    self.address = address
    self.mtu = mtu
    self.transport = transport
    self.usesVhost = usesVhost
  }
}
