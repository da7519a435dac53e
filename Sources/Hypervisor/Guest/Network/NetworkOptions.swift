/// A network device as a command line describes it: `mode=user`, `mode=tap,tapif=tap0,mq=2` and the like.
public struct NetworkOptions: Equatable, Sendable {
  /// Where frames go.
  public enum Mode: String, Sendable {
    /// A network in user space, which needs no privilege.
    case user
    /// A tap of the host.
    case tap
    /// Nowhere: the guest gets no network device, not even the one that it gets without any option.
    case none
  }

  /// Where frames go; kvmtool's default, tap, where an option does not say.
  public var mode = Mode.tap
  /// The guest's hardware address; nil: ``MACAddress/guestDefault(index:)``.
  public var guestHardwareAddress: MACAddress?
  /// The hardware address of the tap's interface.
  public var hostHardwareAddress: MACAddress?
  /// The guest's address: what DHCP hands out in user mode.
  public var guestAddress = IPv4Address(192, 168, 33, 15)
  /// The host's address; nil: ``defaultHostAddress``.
  public var hostAddress: IPv4Address?
  /// Bits of the two addresses that name the network.
  public var prefixLength = 24
  /// Whether `guest_ip` was given.
  public var hasGuestAddress = false
  /// A program that sets the tap up.
  public var script: String?
  /// A program that takes the tap down.
  public var downScript: String?
  /// The tap's interface, or the path of a macvtap.
  public var tapInterface: String?
  /// A tap that is open already.
  public var descriptor: Int32?
  /// Pairs of queues.
  public var queuePairCount = 1
  /// How the guest finds the device; nil: as other devices.
  public var transport: VirtioTransport?
  /// The largest IP packet, beyond kvmtool. Nil: Ethernet's 1500, or what a tap's interface has.
  public var mtu: UInt16?
  /// Ports of the host that lead into the guest; user mode only, beyond kvmtool.
  public var forwards: [PortForward] = []
  /// Whether one of the addresses came with a prefix length.
  var givesPrefix = false
  /// What was given and has no effect, or less than it says, as with kvmtool: one line each.
  public private(set) var warnings: [String] = []

  /// The host's address unless another is given.
  public static let defaultHostAddress = IPv4Address(192, 168, 33, 1)

  /// The device that a guest gets without any option: user mode.
  public static let withoutOption: NetworkOptions = {
    var options = NetworkOptions()
    options.mode = .user
    return options
  }()

  private init() {}

  /// Notes that a setting has less effect than it says.
  mutating func warn(_ text: String) { warnings.append(text) }

  /// Reads the value of one `--network` option.
  public init(_ text: String) throws(NetworkOptionError) {
    self.init()
    try parse(text)
  }

  /// The tap that mode=tap asks for. An interface that was named is left as it is unless an address is given.
  public var tap: TapOptions {
    let source: TapOptions.Source =
      switch (descriptor, tapInterface) {
      case (let descriptor?, _): .descriptor(descriptor)
      case (nil, let path?) where path.hasPrefix("/"): .macvtap(path: path)
      case (nil, let name): .interface(name: name ?? "tap%d")
      }
    let isOurs = descriptor == nil && tapInterface == nil && script == nil
    return TapOptions(
      source: source, queueCount: queuePairCount,
      hostAddress: hostAddress ?? (isOurs ? Self.defaultHostAddress : nil), prefixLength: prefixLength,
      mtu: mtu,
      hostHardwareAddress: hostHardwareAddress, script: script, downScript: downScript)
  }
}
