/// The options of a network device on a command line: `mode=user`, `mode=tap,tapif=tap0,mq=2` and the like.
public struct NetworkOptions: Equatable, Sendable {
  /// The kind of network.
  public enum Mode: String, Sendable {
    /// A network in user space, which needs no privilege.
    case user
    /// A tap of the host.
    case tap
    /// No network device, not even the default one.
    case none
  }

  /// The kind of network; tap if the option does not say, as in kvmtool.
  public var mode = Mode.tap
  /// The guest's hardware address; nil: ``MACAddress/guestDefault(index:)``.
  public var guestHardwareAddress: MACAddress?
  /// The hardware address of the tap's interface.
  public var hostHardwareAddress: MACAddress?
  /// The guest's address, which DHCP hands out in user mode.
  public var guestAddress = IPv4Address(192, 168, 33, 15)
  /// The host's address; nil: ``defaultHostAddress``.
  public var hostAddress: IPv4Address?
  /// Number of the addresses' bits that name the network.
  public var prefixLength = 24
  /// Whether `guest_ip` was given.
  public var hasGuestAddress = false
  /// A program that configures the tap.
  public var script: String?
  /// A program that takes the tap down.
  public var downScript: String?
  /// The tap's interface, or the path of a macvtap.
  public var tapInterface: String?
  /// The descriptor of an open tap.
  public var descriptor: Int32?
  /// Number of pairs of queues.
  public var queuePairCount = 1
  /// Whether the host's vhost_net serves the device; with a tap alone.
  public var usesVhost = false
  /// The device's virtio interface; nil for that of the other devices.
  public var transport: VirtioTransport?
  /// The MTU in bytes, which kvmtool does not have; nil for Ethernet's 1500, or the MTU of the tap's interface.
  public var mtu: UInt16?
  /// Ports of the host that are forwarded to the guest; user mode only, which kvmtool does not have.
  public var forwards: [PortForward] = []
  /// Whether one of the addresses came with a prefix length.
  var givesPrefix = false
  /// Whether the host's address leads to its loopback, as with kvmtool; user mode only.
  public var allowsHostLoopback = false
  /// Whether the guest reaches only ``allowedNetworks``, and no name server; user mode only, which kvmtool does not have.
  public var isRestricted = false
  /// The only networks that the guest reaches, if there are any; user mode only, which kvmtool does not have.
  public var allowedNetworks: [IPv4Network] = []
  /// Warnings about options that have no effect or less effect than they say, as with kvmtool: one line each.
  public private(set) var warnings: [String] = []

  /// The host's default address.
  public static let defaultHostAddress = IPv4Address(192, 168, 33, 1)

  /// The device of a guest without any option: user mode.
  public static let withoutOption: NetworkOptions = {
    var options = NetworkOptions()
    options.mode = .user
    return options
  }()

  private init() {}

  /// Adds a warning.
  mutating func warn(_ text: String) { warnings.append(text) }

  /// Parses the value of one `--network` option.
  public init(_ text: String) throws(NetworkOptionError) {
    self.init()
    try parse(text)
  }

  /// The options of the tap for mode=tap. A named interface is not changed unless an address is given.
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
