/// What a tap shall be.
public struct TapOptions: Equatable, Sendable {
  /// Where its descriptor comes from.
  public enum Source: Equatable, Sendable {
    /// An interface of /dev/net/tun: one that is there, or a new one; a name or a pattern like `tap%d`.
    case interface(name: String)
    /// The character device of a macvtap, /dev/tapN.
    case macvtap(path: String)
    /// A descriptor that this process inherited; the device closes it.
    case descriptor(Int32)
  }

  /// Where its descriptor comes from.
  public var source: Source
  /// Queues, from one to eight; more than one for an interface only.
  public var queueCount: Int
  /// The host's address on it; nil leaves the interface as it is.
  public var hostAddress: IPv4Address?
  /// Bits of the address that name the network.
  public var prefixLength: Int
  /// The interface's MTU in bytes; nil leaves it.
  public var mtu: UInt16?
  /// The interface's hardware address; nil leaves it.
  public var hostHardwareAddress: MACAddress?
  /// A program that sets the interface up, with its name as argument.
  public var script: String?
  /// A program that is run at the end, with the interface's name as argument.
  public var downScript: String?

  /// A tap that nobody sets up.
  public init(
    source: Source = .interface(name: "tap%d"), queueCount: Int = 1, hostAddress: IPv4Address? = nil,
    prefixLength: Int = 24, mtu: UInt16? = nil, hostHardwareAddress: MACAddress? = nil, script: String? = nil,
    downScript: String? = nil
  ) {
    self.source = source
    self.queueCount = queueCount
    self.hostAddress = hostAddress
    self.prefixLength = prefixLength
    self.mtu = mtu
    self.hostHardwareAddress = hostHardwareAddress
    self.script = script
    self.downScript = downScript
  }
}
