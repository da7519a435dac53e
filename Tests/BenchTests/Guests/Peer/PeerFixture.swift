import Hypervisor

@testable import Bench

/// A guest that no VMM is ever started for.
enum PeerFixture {
  static let linux = PeerGuest.Linux(
    kernelPath: "/boot/k", initrdPath: "/i", commandLine: "console=ttyS0 quiet",
    shares: [
      .init(directory: "/r", tag: "/dev/root", isReadOnly: false),
      .init(directory: "/", tag: "hostfs", isReadOnly: true),
    ], consolePath: "/c,1")

  static let disk = PeerGuest.Disk(
    path: "/d,1.img", byteCount: 8 << 20, isReadOnly: false, isDirect: true, engine: .libaio)

  static let guest = PeerGuest(
    name: "guest3", boot: .linux(linux), memory: ByteSize(byteCount: 512 << 20), memoryNode: 1, vcpuCount: 2,
    disk: disk)
}
