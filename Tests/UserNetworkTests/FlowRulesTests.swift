import Hypervisor
import Testing

@testable import UserNetwork

/// The verdict on single frames, hostile ones among them.
@Suite struct FlowRulesTests {
  private static let guest = IPv4Address(192, 168, 33, 15)
  private static let outside = IPv4Address(198, 51, 100, 7)

  private static func frame(
    _ transport: UInt8, _ destination: IPv4Address, ports: [UInt16] = [4000, 80], fragment: UInt16 = 0,
    flags: UInt8 = TCPSegment.syn
  ) -> [UInt8] {
    var payload = ports.flatMap { Bytes.big($0) }
    payload += [0, 0, 0, 1, 0, 0, 0, 0, 0x50, flags, 0, 0, 0, 0, 0, 0]
    var frame = [UInt8](repeating: 2, count: 12)
    frame += [8, 0, 0x45, 0]
    frame += Bytes.big(UInt16(20 + payload.count))
    frame += [0, 1]
    frame += Bytes.big(fragment)
    frame += [64, transport, 0, 0]
    frame += guest.bytes
    frame += destination.bytes
    return frame + payload
  }

  private static func verdict(
    _ configuration: UserNetworkConfiguration, _ frame: [UInt8], flowCount: Int = 0
  ) -> FlowRules.Verdict {
    let rules = FlowRules(configuration, flowLimit: 8)
    return unsafe frame.withUnsafeBytes {
      unsafe rules.verdict(on: GuestPacket.read($0), flowCount: flowCount)
    }
  }

  @Test func `the way out is open by default, and to the allowed networks alone where there are any`() throws
  {
    let open = UserNetworkConfiguration()
    let some = UserNetworkConfiguration(
      allowedNetworks: [try #require(IPv4Network(parsing: "198.51.100.0/24"))])
    let few = UserNetworkConfiguration(
      isRestricted: true, allowedNetworks: [try #require(IPv4Network(parsing: "198.51.100.7"))])
    let (near, far) = (IPv4Address(198, 51, 100, 8), IPv4Address(203, 0, 113, 1))
    for transport in [1, 6, 17] as [UInt8] {
      #expect(
        [Self.outside, near, far].map { Self.verdict(open, Self.frame(transport, $0)) } == [
          .pass, .pass, .pass,
        ])
      #expect(
        [Self.outside, near, far].map { Self.verdict(some, Self.frame(transport, $0)) } == [
          .pass, .pass, .refuse,
        ])
      #expect(
        [Self.outside, near, far].map { Self.verdict(few, Self.frame(transport, $0)) } == [
          .pass, .refuse, .refuse,
        ])
    }
    let names = Self.frame(17, IPv4Address(192, 168, 33, 3), ports: [4000, 53])
    #expect([open, some, few].map { Self.verdict($0, names) } == [.pass, .pass, .refuse])
  }

  @Test func `a fragment is judged by its address alone, because its ports may be overwritten`() {
    let configuration = UserNetworkConfiguration()
    let (names, host) = (IPv4Address(192, 168, 33, 3), IPv4Address(192, 168, 33, 1))
    for fragment in [0x2000, 1] as [UInt16] {
      #expect(
        Self.verdict(configuration, Self.frame(17, names, ports: [4000, 53], fragment: fragment)) == .drop)
      #expect(
        Self.verdict(configuration, Self.frame(17, host, ports: [68, 67], fragment: fragment)) == .drop)
      #expect(
        Self.verdict(configuration, Self.frame(6, host, fragment: fragment, flags: TCPSegment.acknowledge))
          == .drop)
      #expect(Self.verdict(configuration, Self.frame(17, Self.outside, fragment: fragment)) == .pass)
    }
    // Answers of a connection that exists, which libslirp knows.
    #expect(Self.verdict(configuration, Self.frame(6, host, flags: TCPSegment.acknowledge)) == .pass)
    #expect(Self.verdict(configuration, Self.frame(6, host)) == .refuse)
  }

  @Test func `at the limit of flows those that exist go on, and none is added`() {
    let configuration = UserNetworkConfiguration()
    #expect(Self.verdict(configuration, Self.frame(6, Self.outside), flowCount: 7) == .pass)
    for transport in [1, 6, 17] as [UInt8] {
      #expect(Self.verdict(configuration, Self.frame(transport, Self.outside), flowCount: 8) == .drop)
    }
    #expect(
      Self.verdict(configuration, Self.frame(6, Self.outside, flags: TCPSegment.acknowledge), flowCount: 8)
        == .pass)
  }

  @Test func `frames of any length get a verdict and a refusal that fits`() {
    let rules = FlowRules(UserNetworkConfiguration(), flowLimit: 8)
    for byte in [0x45, 0x40, 0x4F, 0xFF] as [UInt8] {
      var frame = Self.frame(6, IPv4Address(127, 0, 0, 1))
      frame[14] = byte
      for count in 0...frame.count {
        let part = Array(frame.prefix(count))
        let verdict = Self.verdict(UserNetworkConfiguration(), part)
        #expect(count < 14 ? verdict == .pass : verdict != .pass, "\(count)")
        let refusal = unsafe part.withUnsafeBytes { unsafe rules.refusal(of: $0) }
        #expect(refusal.isEmpty || (42 + 20...42 + 68).contains(refusal.count))
      }
    }
  }
}
