/// A network as a guest is plugged into it.
public struct GuestNetwork: Sendable {
  /// One port for each pair of queues.
  public var ports: [FramePort]
  /// The guest's address.
  public var address: MACAddress
  /// The MTU that the card reports to the guest; nil for the guest's default.
  public var mtu: UInt16?
  /// The card's interface; nil: as the guest's other devices.
  public var transport: VirtioTransport?

  /// A network card of `address` with a pair of queues over each of `ports`.
  public init(
    ports: [FramePort], address: MACAddress, mtu: UInt16? = nil, transport: VirtioTransport? = nil
  ) {
    self.ports = ports
    self.address = address
    self.mtu = mtu
    self.transport = transport
  }
}
