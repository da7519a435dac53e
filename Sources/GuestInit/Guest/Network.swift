import CGuest

/// IPv4 of the guest, as `lkvm.net=ADDRESS/PREFIX[,GATEWAY[,DNS]]` says. DHCP is for the distribution's own client.
enum Network {
  // socket(2), netdevice(7), rtnetlink's older brother in ioctl(2).
  private static let internet: UInt16 = 2  // AF_INET
  private static let datagram: UInt64 = 2  // SOCK_DGRAM
  private static let setFlags: UInt64 = 0x8914  // SIOCSIFFLAGS
  private static let setAddress: UInt64 = 0x8916  // SIOCSIFADDR
  private static let setMask: UInt64 = 0x891C  // SIOCSIFNETMASK
  private static let addRoute: UInt64 = 0x890B  // SIOCADDRT
  private static let upAndRunning: UInt16 = 0x41  // IFF_UP | IFF_RUNNING
  private static let upThroughGateway: UInt16 = 0x3  // RTF_UP | RTF_GATEWAY

  static func bringUp(_ parameters: InitParameters, _ arena: inout InitArena) {
    do throws(Errno) {
      let socket = try Kernel.call(.socket, UInt64(internet), datagram, 0)
      defer { Kernel.close(socket) }
      try raise("lo", socket)
      if let wanted = parameters.value("lkvm.net=") { try configure(wanted, socket, &arena) }
    } catch {
      report("cannot bring the network up: ", error.text)
    }
  }

  private static func configure(_ wanted: Text, _ socket: UInt64, _ arena: inout InitArena) throws(Errno) {
    guard let address = ParameterIPv4Address(wanted), let slash = wanted.index(of: UInt8(ascii: "/")),
      let prefix = wanted.number(from: slash + 1), prefix <= 32
    else {
      return report("not ADDRESS/PREFIX,GATEWAY,DNS: lkvm.net=", wanted)
    }
    try set(address, by: setAddress, of: "eth0", socket)
    try set(ParameterIPv4Address(prefixLength: prefix), by: setMask, of: "eth0", socket)
    try raise("eth0", socket)

    guard let comma = wanted.index(of: UInt8(ascii: ",")) else { return }
    let gateway = wanted.dropFirst(comma + 1)
    if let address = ParameterIPv4Address(gateway) { try addDefaultRoute(through: address, socket) }
    guard let comma = gateway.index(of: UInt8(ascii: ",")) else { return }
    // A root of `lkvm setup` has a link to it at /etc/resolv.conf: no file of a disk is written.
    let lines = try arena.join("nameserver ", gateway.dropFirst(comma + 1), "\n")
    try Kernel.writeFile("/run/resolv.conf", lines)
  }

  private static func request(_ name: Text) -> init_interface {
    var request = init_interface()
    var bytes: UInt64 = 0
    for index in stride(from: 7, through: 0, by: -1) { bytes = bytes << 8 | UInt64(name[index]) }
    request.name.0 = bytes
    return request
  }

  private static func socketAddress(_ address: ParameterIPv4Address) -> init_socket_address {
    init_socket_address(family: internet, port: 0, address: address.bits.bigEndian, zero: 0)
  }

  private static func perform(
    _ operation: UInt64, _ request: consuming init_interface, _ socket: UInt64
  ) throws(Errno) {
    let result = unsafe withUnsafeMutablePointer(to: &request) { pointer in
      init_system_call(
        Kernel.Call.ioctl.rawValue, socket, operation, UInt64(UInt(bitPattern: pointer)), 0, 0)
    }
    _ = try Kernel.result(result)
  }

  private static func raise(_ name: Text, _ socket: UInt64) throws(Errno) {
    var request = request(name)
    request.flags = upAndRunning
    try perform(setFlags, request, socket)
  }

  private static func set(
    _ address: ParameterIPv4Address, by operation: UInt64, of name: Text, _ socket: UInt64
  ) throws(Errno) {
    var request = request(name)
    request.address = socketAddress(address)
    try perform(operation, request, socket)
  }

  private static func addDefaultRoute(through gateway: ParameterIPv4Address, _ socket: UInt64) throws(Errno) {
    var route = unsafe init_route()
    let any = socketAddress(ParameterIPv4Address(bits: 0))
    unsafe route.destination = any
    unsafe route.mask = any
    unsafe route.gateway = socketAddress(gateway)
    unsafe route.flags = upThroughGateway
    let result = unsafe withUnsafeMutablePointer(to: &route) { pointer in
      init_system_call(
        Kernel.Call.ioctl.rawValue, socket, addRoute, UInt64(UInt(bitPattern: pointer)), 0, 0)
    }
    _ = try Kernel.result(result)
  }
}
