import Glibc
import Hypervisor
import SystemPackage
import Testing

@testable import UserNetwork

/// Networks that start, end, and cannot start.
@Suite(.serialized) struct UserNetworkLifeTests {
  private static func entryCount(_ path: String) -> Int {
    guard let directory = unsafe opendir(path) else { return 0 }
    defer { unsafe closedir(directory) }
    var count = 0
    while unsafe readdir(directory) != nil { count += 1 }
    return count
  }

  @Test func `networks that start and stop leave no descriptor and no thread behind`() throws {
    let cycleCount = 400
    let descriptors = Self.entryCount("/proc/self/fd")
    let threads = Self.entryCount("/proc/self/task")
    for _ in 0..<cycleCount {
      let network = try ServedNetwork(UserNetworkConfiguration(), name: "leak-slirp")
      FakeGuest(port: network.port).askFor(IPv4Address(192, 168, 33, 1))
      network.stop()
    }
    // Other tests run meanwhile and have descriptors and threads of their own, but fewer.
    #expect(Self.entryCount("/proc/self/fd") - descriptors < cycleCount / 2)
    #expect(Self.entryCount("/proc/self/task") - threads < cycleCount / 2)
  }

  @Test func `stopping twice and letting go without stopping do no harm`() throws {
    let network = try ServedNetwork(UserNetworkConfiguration(), name: "twice-slirp")
    network.stop()
    network.stop()
    _ = try ServedNetwork(UserNetworkConfiguration(), name: "gone-slirp")
  }

  @Test func `a missing or wrong library is reported`() throws {
    #expect { try SlirpLibrary(fileName: "libslirp-that-is-not-there.so") } throws: { error in
      "\(error)".hasPrefix("libslirp, package libslirp0: libslirp-that-is-not-there.so: cannot open")
    }
    #expect { try SlirpLibrary(fileName: "libc.so.6") } throws: { error in
      "\(error)".contains("undefined symbol: slirp_new")
    }
  }

  @Test func `a port of the host that is in use is reported`() throws {
    let taken = try HostSocket.bound(.stream)
    let forward = PortForward(transport: .tcp, hostPort: taken.port, guestPort: 22)
    #expect(throws: UserNetworkError.cannotForward(forward, .addressInUse)) {
      _ = try ServedNetwork(UserNetworkConfiguration(forwards: [forward]), name: "port-slirp")
    }
  }

  @Test func `addresses that cannot be are refused`() {
    let (host, mask) = (IPv4Address(192, 168, 33, 1), IPv4Address(255, 255, 255, 0))
    let cases: [(UserNetworkConfiguration, UserNetworkError)] = [
      (
        UserNetworkConfiguration(guestAddress: IPv4Address(10, 0, 0, 1)),
        .outsideNetwork(IPv4Address(10, 0, 0, 1), network: IPv4Address(192, 168, 33, 0), netmask: mask)
      ),
      (
        UserNetworkConfiguration(guestAddress: IPv4Address(192, 168, 33, 255)),
        .outsideNetwork(IPv4Address(192, 168, 33, 255), network: IPv4Address(192, 168, 33, 0), netmask: mask)
      ),
      (
        UserNetworkConfiguration(guestAddress: host),
        .sameAddress(guest: host, host: host, nameServer: IPv4Address(192, 168, 33, 3))
      ),
      (
        UserNetworkConfiguration(netmask: IPv4Address(255, 0, 255, 0)),
        .invalidNetmask(IPv4Address(255, 0, 255, 0))
      ),
      (
        UserNetworkConfiguration(netmask: IPv4Address(255, 255, 255, 254)),
        .invalidNetmask(IPv4Address(255, 255, 255, 254))
      ),
    ]
    for (configuration, error) in cases {
      #expect(throws: error) { _ = try ServedNetwork(configuration, name: "bad-slirp") }
      #expect(!error.description.contains("\n"))
    }
  }
}
