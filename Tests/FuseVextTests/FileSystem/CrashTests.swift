import Glibc
import HostSystem
import Testing

/// The guarantee of docs/fuse-vext.md. `VEXT_CRASH_KILLS=100` kills each case 100 times.
@Suite(.serialized)
struct CrashTests {
  /// Who replays the journal first, after the kill.
  enum Replay: CaseIterable {
    case kernel, e2fsck, fuseVext
  }

  @Test(arguments: [
    ("mkfs.ext4 -q -F", 1, "writes"), ("mkfs.ext4 -q -F", 2, "blocks"),
    ("mkfs.ext4 -q -F -O ^metadata_csum,^64bit", 3, "writes"), ("mkfs.ext3 -q -F -b 1024", 4, "writes"),
    // Trees of three levels.
    ("mkfs.ext4 -q -F -b 1024", 5, "blocks"), ("mkfs.ext4 -q -F -b 1024 -I 128", 6, "writes"),
  ])
  func `after kill -9 at any moment a replay leaves nothing to repair, and all that fsync acknowledged`(
    make: String, number: Int, load: String
  ) {
    for round in 0..<(CrashSettings.number("VEXT_CRASH_KILLS") ?? 1) {
      let disk = MountedImage(megabytes: 256, make: make)
      let records = killUnderLoad(disk, load: load, seed: round * 100 + number)
      let replay = Replay.allCases[(round + number) % Replay.allCases.count]
      switch replay {
      case .kernel: disk.throughKernel("true", options: "rw")
      case .e2fsck:
        // It frees files without a name, too.
        let preened = Command.run("e2fsck -p '\(disk.image)'")
        #expect(preened.exitCode <= 1, "\(preened.output)")
      case .fuseVext:
        disk.mount()
        disk.unmount()
      }
      disk.expectClean("after the replay by \(replay)")
      checkAcknowledged(disk, records, load: load)
    }
  }

  @Test(arguments: [
    ("mkfs.ext2 -q -F", "", 7, "writes"), ("mkfs.ext4 -q -F", "nojournal_writes", 8, "writes"),
    ("mkfs.ext4 -q -F -b 1024 -O ^metadata_csum", "nojournal_writes", 9, "blocks"),
  ])
  func `without a journal, e2fsck keeps all that fsync acknowledged after kill -9 at any moment`(
    make: String, options: String, number: Int, load: String
  ) {
    for round in 0..<(CrashSettings.number("VEXT_CRASH_KILLS") ?? 1) {
      let disk = MountedImage(megabytes: 256, make: make)
      let records = killUnderLoad(disk, options, load: load, seed: round * 100 + number)
      let repair = Command.run("e2fsck -fy '\(disk.image)'")
      #expect(repair.exitCode <= 1, "\(repair.output)")
      disk.expectClean()
      checkAcknowledged(disk, records, load: load)
    }
  }

  /// Mounts, writes from three processes, and kills the server at a random moment.
  ///
  /// - Returns: The files in which the writers have noted what was acknowledged.
  private func killUnderLoad(
    _ disk: MountedImage, _ options: String = "", load: String, seed: Int
  ) -> [String] {
    disk.mount(options)
    let script = TestScript.path("acknowledged-\(load)")
    let records = (0..<3).map { disk.folder.path + "/record-\($0)" }
    for (index, record) in records.enumerated() {
      Command.run("touch '\(record)'; mkdir '\(disk.mountPoint)/w\(index)'")
    }
    let writers = records.enumerated().map { index, record in
      Command.spawn(
        "exec python3 '\(script)' write '\(disk.mountPoint)/w\(index)' '\(record)' \(seed * 10 + index)",
        outputPath: disk.folder.path + "/writer-\(index)")
    }
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<200 where records.contains(where: { Command.text(of: $0).isEmpty }) {
      HostClock.sleep(nanoseconds: 50_000_000)
    }
    HostClock.sleep(nanoseconds: UInt64.random(in: 0...1_000_000_000, using: &generator))
    disk.kill()
    for writer in writers {
      _ = Glibc.kill(writer, SIGKILL)
      _ = Command.wait(for: writer)
    }
    return records
  }

  private func checkAcknowledged(_ disk: MountedImage, _ records: [String], load: String) {
    disk.mount()
    var acknowledged = 0
    for (index, record) in records.enumerated() {
      let check = Command.run(
        "python3 '\(TestScript.path("acknowledged-\(load)"))' check '\(disk.mountPoint)/w\(index)' '\(record)'"
      )
      #expect(check.exitCode == 0, "\(check.output)")
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
