import Hypervisor
import Testing

/// The value of `--network`.
@Suite struct NetworkOptionsTests {
  @Test func `all keys of kvmtool are read`() throws {
    let options = try NetworkOptions(
      "mode=tap,guest_mac=02:00:00:00:00:01,host_mac=2:0:0:0:0:2,guest_ip=10.0.0.2,host_ip=10.0.0.1,"
        + "script=/etc/up,downscript=/etc/down,tapif=tap7,vhost=0,mq=4,trans=pci")
    #expect(options.mode == .tap)
    #expect(options.guestHardwareAddress == MACAddress([2, 0, 0, 0, 0, 1]))
    #expect(options.hostHardwareAddress == MACAddress([2, 0, 0, 0, 0, 2]))
    #expect(options.guestAddress == IPv4Address(10, 0, 0, 2))
    #expect(options.hostAddress == IPv4Address(10, 0, 0, 1))
    #expect(options.script == "/etc/up")
    #expect(options.downScript == "/etc/down")
    #expect(options.tapInterface == "tap7")
    #expect(options.queuePairCount == 4)
    #expect(options.transport == .modern)
  }

  @Test func `defaults are kvmtool's`() throws {
    let options = try NetworkOptions("mode=user")
    #expect(options == .withoutOption)
    #expect(options.guestHardwareAddress == nil)
    #expect(options.guestAddress == IPv4Address(192, 168, 33, 15))
    #expect(NetworkOptions.defaultHostAddress == IPv4Address(192, 168, 33, 1))
    #expect(MACAddress.guestDefault(index: 0).description == "02:15:15:15:15:15")
    #expect(MACAddress.guestDefault(index: 3).description == "02:15:15:15:15:18")
    #expect(try NetworkOptions("trans=pci-legacy").transport == .legacy)
    #expect(try NetworkOptions("script=none").mode == .tap)
    #expect(try NetworkOptions("script=none").script == nil)
  }

  @Test func `a tap is configured if there is no script for it`() throws {
    #expect(try NetworkOptions("mode=tap").tap == TapOptions(hostAddress: IPv4Address(192, 168, 33, 1)))
    #expect(try NetworkOptions("mode=tap,tapif=tap3").tap == TapOptions(source: .interface(name: "tap3")))
    #expect(
      try NetworkOptions("mode=tap,tapif=tap3,host_ip=10.0.0.1").tap
        == TapOptions(source: .interface(name: "tap3"), hostAddress: IPv4Address(10, 0, 0, 1)))
    #expect(
      try NetworkOptions("mode=tap,tapif=/dev/tap3").tap == TapOptions(source: .macvtap(path: "/dev/tap3")))
    #expect(try NetworkOptions("mode=tap,fd=9").tap == TapOptions(source: .descriptor(9)))
    #expect(try NetworkOptions("script=/etc/up").tap == TapOptions(script: "/etc/up"))
  }

  @Test(
    arguments: [
      ("mode=tap", false), ("mode=tap,vhost=0", false), ("mode=tap,vhost=1", true), ("vhost=1,mq=2", true),
      ("mode=user,vhost=1", false),
    ])
  func `a vhost driver serves a tap alone`(text: String, usesVhost: Bool) throws {
    #expect(try NetworkOptions(text).usesVhost == usesVhost)
  }

  @Test func `the two addresses of a tap share a prefix length`() throws {
    #expect(try NetworkOptions("host_ip=10.7.0.1").tap.prefixLength == 24)
    let wide = try NetworkOptions("host_ip=10.7.0.1/16,guest_ip=10.7.3.4,mtu=9000")
    #expect(
      wide.tap == TapOptions(hostAddress: IPv4Address(10, 7, 0, 1), prefixLength: 16, mtu: 9000))
    #expect(wide.hasGuestAddress)
    #expect(try NetworkOptions("tapif=tap3,guest_ip=10.7.3.4/20").prefixLength == 20)
    #expect(throws: NetworkOptionError.self) {
      try NetworkOptions("host_ip=10.7.0.1/16,guest_ip=10.7.3.4/20")
    }
  }

  @Test func `a network in user space takes an MTU`() throws {
    #expect(try NetworkOptions("mode=user,mtu=65520").mtu == 65_520)
    #expect(try NetworkOptions("mode=user").mtu == nil)
  }

  @Test func `what a network in user space lets through is closed by default, and opened by key`() throws {
    let standard = try NetworkOptions("mode=user")
    #expect(!standard.allowsHostLoopback && !standard.isRestricted && standard.allowedNetworks.isEmpty)
    #expect(try NetworkOptions("mode=user,loopback=on").allowsHostLoopback)
    let closed = try NetworkOptions("mode=user,loopback=off,restrict=on,allow=10.0.0.0/8,allow=198.51.100.7")
    #expect(closed.isRestricted && !closed.allowsHostLoopback)
    #expect(closed.allowedNetworks.map(\.description) == ["10.0.0.0/8", "198.51.100.7/32"])
    let network = try #require(closed.allowedNetworks.first)
    #expect(network.contains(IPv4Address(10, 255, 0, 1)))
    #expect(!network.contains(IPv4Address(11, 0, 0, 1)))
    #expect(try #require(IPv4Network(parsing: "0.0.0.0/0")).contains(IPv4Address(255, 0, 0, 1)))
  }

  @Test func `ports are forwarded`() throws {
    let options = try NetworkOptions(
      "mode=user,hostfwd=tcp:2222-:22,hostfwd=udp:0.0.0.0:53-192.168.33.15:5353")
    #expect(
      options.forwards == [
        PortForward(transport: .tcp, hostPort: 2222, guestPort: 22),
        PortForward(
          transport: .udp, hostAddress: IPv4Address(0, 0, 0, 0), hostPort: 53,
          guestAddress: IPv4Address(192, 168, 33, 15), guestPort: 5353),
      ])
    #expect(options.forwards[0].hostAddress == IPv4Address(127, 0, 0, 1))
  }

  @Test(
    arguments: [
      ("mode=user,script=none", 1, "script is ignored: mode=user has no tap"),
      ("mode=user,fd=3", 1, "fd is ignored"), ("mode=none,script=x", 1, "script is ignored"),
      ("mode=user,mq=2", 1, "mq=2 is ignored: mode=user has one pair of queues"),
      ("fd=3,mq=2", 1, "mq=2 is ignored: a tap by fd"), ("tapif=/dev/tap3,mq=2", 1, "mq=2 is ignored"),
      ("mode=tap,mq=16", 8, "mq=16: a card has 8 pairs"), ("mode=user,mq=16", 1, "mq=16: "),
      ("mode=user,vhost=1", 1, "vhost=1 is ignored: mode=user has no tap"),
    ] as [(String, Int, String)])
  func `options without effect in kvmtool have none, and cause a warning`(
    text: String, queuePairCount: Int, warning: String
  ) throws {
    let options = try NetworkOptions(text)
    #expect(options.queuePairCount == queuePairCount)
    #expect(options.warnings.first?.hasPrefix(warning) == true)
    #expect(try NetworkOptions("mode=tap,script=none,mq=2").warnings.isEmpty)
  }

  @Test(
    arguments: [
      ("", .empty), ("mode=user,", .empty), ("mode", .noValue(key: "mode")), ("mode=", .noValue(key: "mode")),
      ("colour=red", .unknownKey("colour")), ("colour", .unknownKey("colour")), ("=x", .unknownKey("")),
      ("mq=1,mq=2", .repeated(key: "mq")), ("vhost", .noValue(key: "vhost")),
      ("trans=mmio", .notSupported("trans=mmio")),
      ("hostfwd=tcp:1-:2", .conflict(key: "hostfwd", with: "mode=tap")),
      ("mode=none,mtu=9000", .conflict(key: "mtu", with: "mode=none")),
      (
        "mode=user,host_ip=10.0.0.1/16",
        .conflict(key: "a prefix of /16", with: "mode=user, whose network is a /24")
      ),
      ("fd=3,tapif=tap0", .conflict(key: "tapif", with: "fd")),
      ("loopback=on", .conflict(key: "loopback", with: "mode=tap")),
      ("mode=user,loopback=on,restrict=on", .conflict(key: "loopback=on", with: "restrict=on")),
    ] as [(String, NetworkOptionError)])
  func `a wrong option is refused with its reason`(text: String, error: NetworkOptionError) {
    #expect(throws: error) { try NetworkOptions(text) }
    #expect(!error.description.contains("\n"))
  }

  @Test(
    arguments: [
      "mode=bridge", "guest_mac=1:2:3", "guest_mac=02:00:00:00:00:00:00", "guest_mac=03:00:00:00:00:00",
      "guest_mac=00:00:00:00:00:00", "guest_mac=02:00:00:00:00:0g", "guest_mac=+2:00:00:00:00:00",
      "guest_mac=02::00:00:00:00", "guest_ip=1.2.3", "guest_ip=1.2.3.4/", "host_ip=1.2.3.4/31",
      "host_ip=1.2.3.4/0", "host_ip=1.2.3.4/x", "guest_ip=1.2.3.256", "guest_ip=1.2.3.4.5",
      "host_ip=1..2.3",
      "host_ip=+1.2.3.4", "fd=-1", "fd=x", "fd=4294967296", "mq=0", "mq=-1", "mq=65536", "mq=two", "vhost=2",
      "trans=usb",
      "tapif=a-name-that-is-too-long", "tapif=a/b", "mtu=575", "mtu=65521", "hostfwd=tcp:1-2",
      "hostfwd=icmp:1-:2",
      "hostfwd=tcp:0-:2",
      "loopback=yes", "restrict=1", "allow=10.0.0.0/33", "allow=10.0.0.1/8", "allow=10.0.0.0/", "allow=host",
      "hostfwd=tcp:1-:99999", "hostfwd=tcp:a:1-:2", "hostfwd=tcp:1", "hostfwd=tcp",
    ])
  func `a wrong value is refused with its key`(text: String) throws {
    let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
    let error = #expect(throws: NetworkOptionError.self) { try NetworkOptions(text) }
    guard case .invalid(let key, let value, _) = try #require(error) else {
      Issue.record("\(text): \(String(describing: error))")
      return
    }
    #expect([key, value] == parts)
  }
}
