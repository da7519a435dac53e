import Testing

/// Tier T3: unmodified Debian guests. One after the other: the virtual host has two slow CPUs, and `scripts/lib/tests/streams` runs
/// two processes.
@Suite(.serialized, .enabled(if: VirtualHost.isHere, Comment(rawValue: VirtualHost.absence)))
struct DebianGuestTests {
  @Test func `the virtual host has KVM`() throws {
    #expect(try VirtualHost.run("ls", "/dev/kvm") == "/dev/kvm\n")
  }
}
