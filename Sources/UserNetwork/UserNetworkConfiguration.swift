public import Hypervisor

/// The addresses of a network in user space, and what it lets through.
public struct UserNetworkConfiguration: Equatable, Sendable {
  /// What DHCP hands out first.
  public var guestAddress: IPv4Address
  /// The gateway, and the host as the guest sees it.
  public var hostAddress: IPv4Address
  /// The network's mask.
  public var netmask: IPv4Address
  /// Where the guest's name queries go, which the host's name server answers; nil: a free address of the network.
  public var nameServerAddress: IPv4Address?
  /// Whether ``hostAddress`` leads to the host's loopback, as it does with kvmtool, so that the guest reaches servers of the
  /// host that listen nowhere else. Off, the guest reaches neither it nor 127.0.0.0/8.
  public var allowsHostLoopback: Bool
  /// Whether the guest reaches nothing, names included, but ``allowedNetworks``. ``forwards`` work either way.
  public var isRestricted: Bool
  /// If there are any, the only addresses that the guest reaches; names are looked up unless it ``isRestricted``.
  public var allowedNetworks: [IPv4Network]
  /// The most TCP connections, UDP ports and ICMP echoes of the guest at a time; nil: an eighth of the process's descriptors,
  /// from 64 to 4096.
  public var flowLimit: Int?
  /// The largest IP packet in bytes, either way; the guest's card should take as much. Nil: 1500.
  public var mtu: UInt16?
  /// Ports of the host that lead into the guest.
  public var forwards: [PortForward]

  /// kvmtool's network: 192.168.33.0/24, the guest is .15, the host .1.
  public init(
    guestAddress: IPv4Address = IPv4Address(192, 168, 33, 15),
    hostAddress: IPv4Address = NetworkOptions.defaultHostAddress,
    netmask: IPv4Address = IPv4Address(255, 255, 255, 0), nameServerAddress: IPv4Address? = nil,
    allowsHostLoopback: Bool = false, isRestricted: Bool = false, allowedNetworks: [IPv4Network] = [],
    flowLimit: Int? = nil, mtu: UInt16? = nil, forwards: [PortForward] = []
  ) {
    self.guestAddress = guestAddress
    self.hostAddress = hostAddress
    self.netmask = netmask
    self.nameServerAddress = nameServerAddress
    self.allowsHostLoopback = allowsHostLoopback
    self.isRestricted = isRestricted
    self.allowedNetworks = allowedNetworks
    self.flowLimit = flowLimit
    self.mtu = mtu
    self.forwards = forwards
  }

  /// The network of a `--network mode=user` option.
  public init(_ options: NetworkOptions) {
    self.init(
      guestAddress: options.guestAddress,
      hostAddress: options.hostAddress ?? NetworkOptions.defaultHostAddress,
      allowsHostLoopback: options.allowsHostLoopback, isRestricted: options.isRestricted,
      allowedNetworks: options.allowedNetworks, mtu: options.mtu, forwards: options.forwards)
  }

  /// The network's own address.
  var network: IPv4Address { IPv4Address(rawValue: hostAddress.rawValue & netmask.rawValue) }

  /// ``nameServerAddress``, or the third address of the network, or one near it that is free.
  public var chosenNameServer: IPv4Address {
    if let nameServerAddress { return nameServerAddress }
    let candidates = [3, 2, 4].map { IPv4Address(rawValue: network.rawValue | $0) }
    return candidates.first { $0 != hostAddress && $0 != guestAddress } ?? network
  }

  /// Checks what libslirp takes for granted: addresses of machines in the network, all different.
  public func check() throws(UserNetworkError) {
    let hostBits = ~netmask.rawValue
    // A mask of ones, then at least two zeros.
    guard hostBits & (hostBits &+ 1) == 0, hostBits >= 3, netmask.rawValue != 0 else {
      throw .invalidNetmask(netmask)
    }
    let addresses = [guestAddress, hostAddress, chosenNameServer]
    for address in addresses {
      let inside = address.rawValue & hostBits
      guard address.rawValue & netmask.rawValue == network.rawValue, inside != 0, inside != hostBits else {
        throw .outsideNetwork(address, network: network, netmask: netmask)
      }
    }
    guard Set(addresses).count == addresses.count else {
      throw .sameAddress(guest: guestAddress, host: hostAddress, nameServer: chosenNameServer)
    }
  }
}
