import CLinux
import Glibc
import HostSystem
import Hypervisor
import SystemPackage
import Testing
import VextProtocol

/// A tap of the kernel's, in a network namespace of the test's own so that the machine notices nothing.
@Suite(.serialized) struct VirtioNetTapTests {
  /// Why there can be no tap, if so.
  private static let obstacle: String? = {
    if unsafe access("/dev/net/tun", R_OK | W_OK) != 0 { return "no access to /dev/net/tun" }
    return getuid() == 0 ? nil : "not root"
  }()

  /// Runs `body` on a thread that has a network namespace of its own.
  private static func inNamespace(_ body: @escaping @Sendable () throws -> Void) throws {
    final class Outcome: @unchecked Sendable { var error: (any Error)? }
    let outcome = Outcome()
    let thread = try HostThread(name: "net-space", cpus: nil) {
      do {
        let result = linux_unshare_network()
        guard result == 0 else { throw Errno(rawValue: -result) }
        try body()
      } catch {
        outcome.error = error
      }
    }
    thread.join()
    if let error = outcome.error { throw error }
  }

  /// A raw socket that sees and sends whole frames of `interface`.
  private static func packetSocket(_ interface: String) throws -> FramePort {
    let everyProtocol = Int32(UInt16(0x0003).bigEndian)
    let descriptor = OwnedDescriptor(adopting: socket(AF_PACKET, Int32(SOCK_RAW.rawValue), everyProtocol))
    // struct sockaddr_ll: family, protocol, interface, and what only a received frame has.
    let index = unsafe if_nametoindex(interface)
    let address: [UInt16] = [
      UInt16(AF_PACKET), UInt16(truncatingIfNeeded: everyProtocol), UInt16(index & 0xFFFF),
      UInt16(index >> 16),
      0, 0, 0, 0, 0, 0,
    ]
    let result = unsafe address.withUnsafeBytes { bytes in
      // SAFETY: twenty bytes, as a socket of AF_PACKET wants.
      unsafe bind(
        descriptor.rawValue, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count)
      )
    }
    guard result == 0 else { throw Errno(rawValue: errno) }
    return try FramePort(adopting: descriptor, kind: .socket)
  }

  @Test(.enabled(if: obstacle == nil, "\(obstacle ?? "")"), arguments: [1, 2])
  func `frames go through a tap both ways, their checksums left to the other side`(queueCount: Int) throws {
    try Self.inNamespace {
      let tap = try TapDevice(TapOptions(queueCount: queueCount, hostAddress: IPv4Address(10, 77, 0, 1)))
      #expect(tap.interface == "tap0")
      #expect(tap.ports.count == queueCount)
      let fixture = try VirtioNetFixture(
        ports: tap.ports, features: .max & ~(1 << 28) & ~(1 << 29))
      let offered = fixture.driver.offeredFeatures()
      #expect((0..<13).filter { offered & 1 << UInt64($0) != 0 } == [0, 1, 5, 7, 8, 11, 12])
      let network = try Self.packetSocket("tap0")

      let out =
        [UInt8](repeating: 0xFF, count: 6) + [2, 0, 0, 0, 0, 1, 0x88, 0xB5] + [UInt8](repeating: 5, count: 50)
      try fixture.offerTransmit(out)
      var seen = network.receive()
      while let frame = seen, frame[12..<14] != [0x88, 0xB5] { seen = network.receive() }
      #expect(seen == out)

      let back = [2, 0, 0, 0, 0, 1] + [2, 0, 0, 0, 0, 2, 0x88, 0xB6] + [UInt8](repeating: 6, count: 700)
      for head: UInt16 in 0..<16 { try fixture.offerReceive(head, byteCount: 512) }
      network.send(back)
      var frame: [UInt8] = []
      while frame.isEmpty, let first = try fixture.waitForUsed(0) {
        let header = try fixture.received(12, head: UInt16(first.head))
        var bytes = try fixture.received(Int(first.byteCount), head: UInt16(first.head))
        for _ in 1..<max(1, header[10]) {
          let next = try #require(try fixture.waitForUsed(0))
          bytes += try fixture.received(Int(next.byteCount), head: UInt16(next.head))
        }
        // The kernel says hello on a new interface.
        if bytes[24..<26] == [0x88, 0xB6] { frame = Array(bytes[12...]) }
      }
      #expect(frame == back)
    }
  }

  @Test(.enabled(if: obstacle == nil, "\(obstacle ?? "")"))
  func `an invalid header drops its frame and nothing else`() throws {
    try Self.inNamespace {
      let tap = try TapDevice(TapOptions(hostAddress: IPv4Address(10, 77, 0, 1)))
      let fixture = try VirtioNetFixture(ports: tap.ports, features: .max & ~(1 << 28) & ~(1 << 29))
      let network = try Self.packetSocket(tap.interface)
      let base = VirtioNetFixture.buffer(1, 0)
      // NEEDS_CSUM far behind the frame's end; a kind of segmentation that there is not.
      for header: [UInt8] in [
        [1, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0, 0, 0], [0, 0x77, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0],
      ] {
        try fixture.memory.write(header + VirtioNetFixture.frame(60), at: GuestAddress(base))
        try fixture.queues[1].describeChain(0, readable: [(base, 72)], writable: [])
        if try fixture.queues[1].offer(0) { fixture.driver.kick(1) }
        #expect(try fixture.waitForUsed(1) == FakeVirtqueue.Used(head: 0, byteCount: 0))
      }
      #expect(fixture.device.statistics.sendDrops == 2)
      let out =
        [UInt8](repeating: 0xFF, count: 6) + [2, 0, 0, 0, 0, 1, 0x88, 0xB5] + [UInt8](repeating: 5, count: 50)
      try fixture.offerTransmit(out)
      var seen = network.receive()
      while let frame = seen, frame[12..<14] != [0x88, 0xB5] { seen = network.receive() }
      #expect(seen == out)
      #expect(!fixture.needsReset)
    }
  }

  @Test(.enabled(if: obstacle == nil, "\(obstacle ?? "")"))
  func `scripts are run with the interface's name, and their failure is reported`() throws {
    try Self.inNamespace {
      let tap = try TapDevice(TapOptions(script: "/bin/true", downScript: "/bin/false"))
      #expect(throws: TapError.scriptFailed(script: "/bin/false", interface: tap.interface, status: 1)) {
        try tap.close()
      }
      try tap.close()
      #expect(throws: TapError.cannotRun(script: "/no/such", .noSuchFileOrDirectory)) {
        _ = try TapDevice(TapOptions(source: .interface(name: "other"), script: "/no/such"))
      }
      #expect(throws: TapError.cannotAttach(interface: tap.interface, .resourceBusy)) {
        _ = try TapDevice(TapOptions(source: .interface(name: tap.interface)))
      }
    }
  }

  @Test func `a descriptor that is not a tap is refused`() throws {
    #expect(throws: TapError.nameTooLong("a-name-that-is-too-long")) {
      _ = try TapDevice(TapOptions(source: .interface(name: "a-name-that-is-too-long")))
    }
    #expect(throws: TapError.cannotOpen(path: "/no/such", .noSuchFileOrDirectory)) {
      _ = try TapDevice(TapOptions(source: .macvtap(path: "/no/such")))
    }
    let event = try EventDescriptor()
    let copy = dup(event.rawValue)
    let error = #expect(throws: TapError.self) { _ = try TapDevice(TapOptions(source: .descriptor(copy))) }
    guard case .notATap(copy, _) = try #require(error) else {
      Issue.record("\(String(describing: error))")
      return
    }
  }
}
