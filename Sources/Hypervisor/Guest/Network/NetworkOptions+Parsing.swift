extension NetworkOptions {
  static let keys = [
    "mode", "guest_mac", "host_mac", "guest_ip", "host_ip", "script", "downscript", "tapif", "vhost", "fd",
    "mq",
    "trans", "hostfwd", "mtu", "loopback", "restrict", "allow",
  ]
  /// Keys that may be given more than once.
  private static let repeatableKeys = ["hostfwd", "allow"]

  /// Keys of the network in user space.
  private static let userKeys = ["hostfwd", "loopback", "restrict", "allow"]

  /// Keys of a tap.
  private static let tapKeys = ["host_mac", "script", "downscript", "tapif", "fd"]

  /// The smallest packet size of IPv4 (RFC 791), and the largest that libslirp supports (rounded down from 65,521).
  private static let mtuRange = 576...65_520

  /// A network of two hosts at least, and not the whole of the address space.
  private static let prefixRange = 1...30

  /// libslirp's.
  private static let userPrefixLength = 24

  mutating func parse(_ text: String) throws(NetworkOptionError) {
    var seen: [String] = []
    for setting in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard !setting.isEmpty else { throw .empty }
      guard let equals = setting.firstIndex(of: "=") else {
        let key = String(setting)
        throw Self.keys.contains(key) ? .noValue(key: key) : .unknownKey(key)
      }
      let (key, value) = (String(setting[..<equals]), String(setting[setting.index(after: equals)...]))
      guard Self.keys.contains(key) else { throw .unknownKey(key) }
      guard !value.isEmpty else { throw .noValue(key: key) }
      guard !seen.contains(key) || Self.repeatableKeys.contains(key) else { throw .repeated(key: key) }
      seen.append(key)
      try set(key, value)
    }
    try checkTogether(seen)
  }

  private mutating func set(_ key: String, _ value: String) throws(NetworkOptionError) {
    switch key {
    case "mode":
      guard let mode = Mode(rawValue: value) else {
        throw .invalid(key: key, value: value, wanted: "user, tap or none")
      }
      self.mode = mode
    case "guest_mac": guestHardwareAddress = try Self.hardwareAddress(key, value)
    case "host_mac": hostHardwareAddress = try Self.hardwareAddress(key, value)
    case "guest_ip": (guestAddress, hasGuestAddress) = (try address(key, value), true)
    case "host_ip": hostAddress = try address(key, value)
    // kvmtool's word for no script.
    case "script": script = value == "none" ? nil : value
    case "downscript": downScript = value == "none" ? nil : value
    case "tapif": try setInterface(key, value)
    case "vhost": usesVhost = try Self.number(key, value, 0...1) == 1
    case "fd": descriptor = Int32(try Self.number(key, value, 0...Int(Int32.max)))
    case "mq":
      let (wanted, limit) = (try Self.number(key, value, 1...Int(UInt16.max)), VirtioNetProtocol.pairLimit)
      if wanted > limit { warn("mq=\(wanted): a card has \(limit) pairs of queues at most") }
      queuePairCount = min(wanted, limit)
    case "trans": try setTransport(key, value)
    case "mtu": mtu = UInt16(try Self.number(key, value, Self.mtuRange))
    case "loopback": allowsHostLoopback = try Self.isOn(key, value)
    case "restrict": isRestricted = try Self.isOn(key, value)
    case "allow":
      guard let network = IPv4Network(parsing: value) else {
        throw .invalid(key: key, value: value, wanted: "ADDRESS or ADDRESS/LENGTH such as 10.0.0.0/8")
      }
      allowedNetworks.append(network)
    default:
      guard let forward = PortForward(parsing: value) else {
        throw .invalid(key: key, value: value, wanted: "tcp|udp:[ADDRESS:]PORT-[ADDRESS]:PORT")
      }
      forwards.append(forward)
    }
  }

  private mutating func setInterface(_ key: String, _ value: String) throws(NetworkOptionError) {
    guard value.hasPrefix("/") || (value.utf8.count <= 15 && !value.contains { $0 == "/" || $0.isWhitespace })
    else {
      throw .invalid(key: key, value: value, wanted: "an interface's name of at most 15 bytes, or /dev/tapN")
    }
    tapInterface = value
  }

  private mutating func setTransport(_ key: String, _ value: String) throws(NetworkOptionError) {
    if value == "mmio" { throw .notSupported("trans=mmio") }
    guard let transport = VirtioTransport(rawValue: value) else {
      throw .invalid(key: key, value: value, wanted: "pci or pci-legacy")
    }
    self.transport = transport
  }

  /// Checks combinations of keys: refuses them, or warns about those that kvmtool ignores.
  private mutating func checkTogether(_ seen: [String]) throws(NetworkOptionError) {
    let setting = "mode=" + mode.rawValue
    if mode != .tap {
      for key in Self.tapKeys where seen.contains(key) { warn("\(key) is ignored: \(setting) has no tap") }
      if usesVhost { warn("vhost=1 is ignored: \(setting) has no tap") }
      usesVhost = false
      takeOneQueuePair(setting)
    }
    if mode != .user, let key = Self.userKeys.first(where: seen.contains) {
      throw .conflict(key: key, with: setting)
    }
    if mode == .none, mtu != nil { throw .conflict(key: "mtu", with: "mode=none") }
    if mode == .user, prefixLength != Self.userPrefixLength {
      throw .conflict(key: "a prefix of /\(prefixLength)", with: "mode=user, whose network is a /24")
    }
    if isRestricted, allowsHostLoopback { throw .conflict(key: "loopback=on", with: "restrict=on") }
    if descriptor != nil, tapInterface != nil { throw .conflict(key: "tapif", with: "fd") }
    if descriptor != nil { takeOneQueuePair("a tap by fd") }
    if let tapInterface, tapInterface.hasPrefix("/") { takeOneQueuePair("tapif=\(tapInterface)") }
  }

  private mutating func takeOneQueuePair(_ reason: String) {
    guard queuePairCount > 1 else { return }
    warn("mq=\(queuePairCount) is ignored: \(reason) has one pair of queues")
    queuePairCount = 1
  }

  private static func hardwareAddress(_ key: String, _ value: String) throws(NetworkOptionError) -> MACAddress
  {
    guard let address = MACAddress(parsing: value), address.isUnicast else {
      throw .invalid(key: key, value: value, wanted: "a unicast address like 02:15:15:15:15:15")
    }
    return address
  }

  /// An address and the prefix length behind it, which both addresses share.
  private mutating func address(_ key: String, _ value: String) throws(NetworkOptionError) -> IPv4Address {
    let parts = value.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    let prefix = parts.count == 2 ? Int(parts[1]) : nil
    guard let address = IPv4Address(parsing: parts[0]), parts.count == 1 || prefix != nil,
      Self.prefixRange.contains(prefix ?? prefixLength)
    else {
      throw .invalid(key: key, value: value, wanted: "an IPv4 address like 192.168.33.15 or 10.7.0.1/16")
    }
    if let prefix {
      if givesPrefix, prefix != prefixLength {
        throw .invalid(key: key, value: value, wanted: "the prefix of the other address, /\(prefixLength)")
      }
      (prefixLength, givesPrefix) = (prefix, true)
    }
    return address
  }

  private static func isOn(_ key: String, _ value: String) throws(NetworkOptionError) -> Bool {
    switch value {
    case "on": return true
    case "off": return false
    default: throw .invalid(key: key, value: value, wanted: "on or off")
    }
  }

  private static func number(
    _ key: String, _ value: String, _ range: ClosedRange<Int>
  ) throws(NetworkOptionError) -> Int {
    guard let number = Int(value), range.contains(number) else {
      let wanted = "a number from \(range.lowerBound) to \(range.upperBound)"
      throw .invalid(key: key, value: value, wanted: wanted)
    }
    return number
  }
}
