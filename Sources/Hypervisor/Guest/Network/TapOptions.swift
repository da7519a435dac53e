/// The options of a tap.
public struct TapOptions: Equatable, Sendable {
  /// The origin of the tap's descriptor.
  public enum Source: Equatable, Sendable {
    /// An existing or new interface of /dev/net/tun: a name or a pattern such as `tap%d`.
    case interface(name: String)
    /// The character device of a macvtap, /dev/tapN.
    case macvtap(path: String)
    /// A descriptor that this process inherited; the device closes it.
    case descriptor(Int32)
  }

  /// The origin of the descriptor.
  public var source: Source
  /// Number of queues, one to eight; more than one only for an interface.
  public var queueCount: Int
  /// The host's address on the interface; nil keeps the interface as it is.
  public var hostAddress: IPv4Address?
  /// Number of the address's bits that name the network.
  public var prefixLength: Int
  /// The interface's MTU in bytes; nil keeps it.
  public var mtu: UInt16?
  /// The interface's hardware address; nil keeps it.
  public var hostHardwareAddress: MACAddress?
  /// A program that configures the interface, with its name as argument.
  public var script: String?
  /// A program to run at the end, with the interface's name as argument.
  public var downScript: String?

  /// Makes the options of a tap that is not configured.
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
