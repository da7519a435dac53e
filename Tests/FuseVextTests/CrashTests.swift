import Glibc
import HostSystem
import Testing

/// The guarantee of docs/fuse-vext.md.
@Suite(.serialized)
struct CrashTests {
  @Test(arguments: [
    ("mkfs.ext4 -q -F", 1, "writes"), ("mkfs.ext4 -q -F", 2, "writes"), ("mkfs.ext4 -q -F", 3, "blocks"),
    ("mkfs.ext4 -q -F -O ^metadata_csum", 4, "writes"), ("mkfs.ext2 -q -F", 5, "writes"),
    // Trees of three levels.
    ("mkfs.ext4 -q -F -b 1024", 6, "blocks"), ("mkfs.ext4 -q -F -b 1024 -O ^metadata_csum", 7, "blocks"),
    ("mkfs.ext4 -q -F -b 1024", 8, "writes"),
  ])
  func `after kill -9 at any moment e2fsck keeps all that fsync acknowledged`(
    make: String, round: Int, load: String
  ) {
    let disk = MountedImage(megabytes: 256, make: make)
    disk.mount()
    let script = TestScript.path("acknowledged-\(load)")
    let records = (0..<3).map { disk.folder.path + "/record-\($0)" }
    for (index, record) in records.enumerated() {
      Command.run("touch '\(record)'; mkdir '\(disk.mountPoint)/w\(index)'")
    }
    let writers = records.enumerated().map { index, record in
      Command.spawn(
        "exec python3 '\(script)' write '\(disk.mountPoint)/w\(index)' '\(record)' \(round * 10 + index)",
        outputPath: disk.folder.path + "/writer-\(index)")
    }
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<200 where records.contains(where: { Command.text(of: $0).isEmpty }) {
      HostClock.sleep(nanoseconds: 50_000_000)
    }
    HostClock.sleep(nanoseconds: UInt64.random(in: 0...2_000_000_000, using: &generator))
    disk.kill()
    for writer in writers {
      _ = Glibc.kill(writer, SIGKILL)
      _ = Command.wait(for: writer)
    }
    let repair = Command.run("e2fsck -fy '\(disk.image)'")
    #expect(repair.exitCode <= 1, "\(repair.output)")
    disk.expectClean()
    disk.mount()
    var acknowledged = 0
    for (index, record) in records.enumerated() {
      let check = Command.run("python3 '\(script)' check '\(disk.mountPoint)/w\(index)' '\(record)'")
      #expect(check.exitCode == 0, "\(check.output)\n\(repair.output)")
      acknowledged += Int(check.output.split(separator: "\n").last ?? "") ?? 0
    }
    #expect(acknowledged > 0)
    disk.unmount()
    disk.expectClean()
  }

  @Test func `without a journal a crash makes every mount refuse until e2fsck has looked`() {
    let disk = MountedImage(make: "mkfs.ext2 -q -F")
    disk.mount()
    disk.shell("echo x > f; exec 3<> g; rm g; sync f")
    disk.kill()
    #expect(Command.run("dumpe2fs -h '\(disk.image)'").output.contains("not clean"))
    let refused = Command.run("'\(MountedImage.program)' -f '\(disk.image)' '\(disk.mountPoint)'")
    #expect(refused.exitCode == 3)
    #expect(refused.output.contains("e2fsck"))
    Command.run("e2fsck -fy '\(disk.image)'")
    disk.mount()
    #expect(disk.shell("cat f") == "x\n")
    disk.unmount()
    disk.expectClean()
  }
}
