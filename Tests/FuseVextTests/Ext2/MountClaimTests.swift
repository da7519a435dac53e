import HostSystem
import SystemPackage
import Testing

@testable import FuseVext

/// Claims of hosts that share a device (`mmp`).
@Suite(.serialized)
struct MountClaimTests {
  private let disk = MountedImage(
    megabytes: 16, make: "mkfs.ext4 -q -F -O mmp,metadata_csum -E mmp_update_interval=1")

  private func device() throws -> FileDevice {
    try FileDevice(path: disk.image, readOnly: false, usesPageCache: true)
  }

  private func layout(_ device: FileDevice) throws -> MountClaim.Layout {
    let queue = try device.makeQueue()
    let summary = try SuperblockSummary(device: device, queue: queue, readOnly: true)
    return try #require(summary.mountClaim)
  }

  private var state: String {
    Command.run("debugfs -R dump_mmp '\(disk.image)' | grep '^sequence'").output
  }

  @Test func `a free file system is claimed without a wait, and is free again after the release`() throws {
    let device = try device()
    let claim = try MountClaim(try layout(device), device: device) { _ in Issue.record("waited") }
    let first = state
    #expect(!first.contains("ff4d4d50"))
    try claim.renew()
    #expect(state != first)
    try claim.release()
    #expect(state.contains("ff4d4d50"))
    disk.expectClean()
  }

  @Test func `a host that shows signs of life keeps its claim`() throws {
    let device = try device()
    let owner = try MountClaim(try layout(device), device: device) { _ in }
    var waits: [UInt64] = []
    #expect(throws: Errno.resourceBusy) {
      _ = try MountClaim(try layout(device), device: device) { seconds in
        waits.append(seconds)
        do { try owner.renew() } catch { Issue.record("\(error)") }
      }
    }
    #expect(waits == [11])
    try owner.renew()
  }

  @Test func `an abandoned claim is taken over after two waits, and its former owner notices`() throws {
    let device = try device()
    let owner = try MountClaim(try layout(device), device: device) { _ in }
    var waits: [UInt64] = []
    let heir = try MountClaim(try layout(device), device: device) { waits.append($0) }
    #expect(waits == [11, 11])
    #expect(throws: Errno.resourceBusy) { try owner.renew() }
    try owner.release()
    try heir.renew()
  }

  @Test func `a running check is not disturbed`() throws {
    // Without checksums, so that the test can write the number that a check writes (EXT4_MMP_SEQ_FSCK).
    let disk = MountedImage(megabytes: 16, make: "mkfs.ext4 -q -F -O mmp,^metadata_csum")
    let device = try FileDevice(path: disk.image, readOnly: false, usesPageCache: true)
    let layout = try layout(device)
    Command.run(
      "printf '\\120\\115\\115\\342' | dd of='\(disk.image)' bs=1 seek=\(layout.byteOffset + 4) conv=notrunc status=none"
    )
    #expect(throws: Errno.resourceBusy) { _ = try MountClaim(layout, device: device) { _ in } }
  }
}
