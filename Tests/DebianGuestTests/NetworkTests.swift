import Foundation
import Testing

extension DebianGuestTests {
  /// virtio-net, by the user-mode network and by tap.
  struct NetworkTests {
    /// With the user-mode network the host's loopback device answers at the gateway's address.
    private static let gateway = "192.168.33.1"

    private struct Transfer {
      let report: GuestReport
      let checksum: String
      /// What `ip` says of the tap.
      let hostAddress: String

      /// With a large MTU: 64 MiB in Ethernet's packets are 50,000 exits each way, which the virtual host's emulated
      /// SVM does not always survive (docs/testing.md).
      init(user: Void) throws {
        let folder = try TemporaryFolder()
        let server = try TransferServer(address: "127.0.0.1", folder: folder)
        checksum = server.checksum
        hostAddress = ""
        report = try GuestReport(
          ["-c", "1", "-m", "512", "--no-dhcp", "-n", "mode=user,mtu=65520,loopback=on"],
          script: """
            say mtu "$(cat /sys/class/net/eth0/mtu)"
            ip link set eth0 up
            say lease "$(busybox udhcpc -i eth0 -n -q -s /bin/true 2>&1)"
            ip address add 192.168.33.15/24 dev eth0
            ip route add default via \(NetworkTests.gateway)
            \(server.script(host: NetworkTests.gateway))
            """)
      }

      init(namespace: String) throws {
        let folder = try TemporaryFolder()
        try VirtualHost.run("ip", "netns", "add", namespace)
        defer { _ = try? VirtualHost.run("ip", "netns", "delete", namespace) }
        let inside = ["ip", "netns", "exec", namespace]
        try VirtualHost.run("ip", "netns", "exec", namespace, "ip", "link", "set", "lo", "up")
        // The device is there before. It gets the same large MTU as above, for the same reason.
        try VirtualHost.run(inside + ["ip", "tuntap", "add", "dev", "t3tap", "mode", "tap"])
        let server = try TransferServer(address: "0.0.0.0", folder: folder, prefix: inside)
        checksum = server.checksum
        let options = [
          "-c", "1", "-m", "512", "-n",
          "mode=tap,tapif=t3tap,host_ip=\(NetworkTests.gateway),guest_ip=192.168.33.15/26,mtu=65520,"
            + "guest_mac=02:15:15:15:15:15",
        ]
        let script = """
          say mac "$(cat /sys/class/net/eth0/address)"
          say mtu "$(cat /sys/class/net/eth0/mtu)"
          say address "$(ip -brief address show dev eth0)"
          say route "$(ip route show default)"
          \(server.script(host: NetworkTests.gateway))
          """
        let words = inside + [VirtualHost.lkvm.path] + GuestReport.arguments(options, script: script)
        report = try GuestReport(LkvmProcess(words, program: URL(filePath: "/usr/bin/env")))
        hostAddress = try VirtualHost.run(inside + ["ip", "-brief", "address", "show", "dev", "t3tap"])
      }
    }
    private static let user = Result { try Transfer(user: ()) }
    private static let tap = Result { try Transfer(namespace: "vext-t3") }

    @Test func `DHCP answers with the guest's address`() throws {
      #expect(try Self.user.get().report.value("lease").contains("192.168.33.15"))
    }

    @Test func `the guest's card takes the MTU of the network`() throws {
      #expect(try Self.user.get().report.number("mtu") == 65_520)
    }

    @Test func `64 MiB come over HTTP from the host unchanged`() throws {
      let transfer = try Self.user.get()
      #expect(try transfer.report.value("download") == transfer.checksum)
    }

    @Test func `64 MiB go over HTTP to the host unchanged`() throws {
      let transfer = try Self.user.get()
      #expect(try transfer.report.value("upload") == transfer.checksum)
    }

    @Test func `a tap device in a network namespace carries 64 MiB both ways`() throws {
      let transfer = try Self.tap.get()
      #expect(try transfer.report.value("mac") == "02:15:15:15:15:15")
      #expect(try transfer.report.value("mtu") == "65520")
      #expect(try transfer.report.value("address").contains("192.168.33.15/26"))
      #expect(try transfer.report.value("route").contains("via \(Self.gateway)"))
      #expect(transfer.hostAddress.contains("\(Self.gateway)/26"))
      #expect(try transfer.report.value("download") == transfer.checksum)
      #expect(try transfer.report.value("upload") == transfer.checksum)
    }
  }
}
