import Glibc
import Testing

/// What is refused: one line, the exit code of docs/fuse-vext.md, nothing mounted and nothing written.
@Suite(.serialized)
struct RefusalTests {
  private func expectRefusal(
    _ disk: MountedImage, code: Int32, _ word: String, arguments: String? = nil,
    _ location: SourceLocation = #_sourceLocation
  ) {
    let before = Command.run("sha256sum '\(disk.image)'").output
    let command = arguments ?? "'\(disk.image)' '\(disk.mountPoint)'"
    let result = Command.run("timeout -k 5 20 '\(MountedImage.program)' \(command)")
    #expect(result.exitCode == code, "\(result.output)", sourceLocation: location)
    #expect(result.output.contains(word), "\(result.output)", sourceLocation: location)
    #expect(result.output.split(separator: "\n").count == 1, "\(result.output)", sourceLocation: location)
    #expect(!Command.text(of: "/proc/self/mounts").contains(disk.mountPoint), sourceLocation: location)
    #expect(Command.run("sha256sum '\(disk.image)'").output == before, sourceLocation: location)
  }

  @Test func `a device without an ext file system is refused`() {
    let disk = MountedImage(megabytes: 4, make: "true")
    expectRefusal(disk, code: 2, "not an ext2, ext3 or ext4 file system")
    Command.run("truncate -s 100 '\(disk.image)'")
    expectRefusal(disk, code: 2, "not an ext2, ext3 or ext4 file system")
  }

  @Test func `a device, and a mount point, that are not there`() {
    let disk = MountedImage()
    expectRefusal(disk, code: 2, "No such file", arguments: "/nonexistent '\(disk.mountPoint)'")
    expectRefusal(disk, code: 4, "No such file", arguments: "'\(disk.image)' /nonexistent")
    expectRefusal(disk, code: 4, "Not a directory", arguments: "'\(disk.image)' '\(disk.image)'")
    expectRefusal(disk, code: 2, "Block device required", arguments: "/tmp '\(disk.mountPoint)'")
  }

  @Test func `without FUSE in the kernel the message names the module`() {
    let disk = MountedImage()
    let result = Command.run(
      """
      unshare -m sh -c 'mount -t tmpfs tmpfs /dev && exec "$@"' sh '\(MountedImage.program)' \
        '\(disk.image)' '\(disk.mountPoint)'
      """)
    #expect(result.exitCode == 4)
    #expect(
      result.output
        == "fuse-vext: error: there is no /dev/fuse; load the kernel's module: modprobe fuse\n")
  }

  @Test func `a dirty journal on a device that takes no writes`() {
    let disk = MountedImage()
    Command.run("debugfs -w -R 'feature needs_recovery' '\(disk.image)'")
    let device = Command.run("losetup -r -f --show '\(disk.image)'").output.split(separator: "\n").first ?? ""
    defer { Command.run("losetup -d \(device)") }
    expectRefusal(disk, code: 3, "norecovery", arguments: "-o ro \(device) '\(disk.mountPoint)'")
  }

  @Test func `a journal on another device`() {
    let disk = MountedImage()
    Command.run(
      """
      debugfs -w -R 'ssv journal_inum 0' '\(disk.image)'
      debugfs -w -R 'ssv journal_uuid c1b9d5a2-f162-11cf-9ece-0020afc76f16' '\(disk.image)'
      """)
    expectRefusal(disk, code: 3, "another device")
  }

  @Test func `norecovery leaves a dirty journal alone and changes nothing else`() {
    let disk = MountedImage()
    disk.mount()
    disk.shell("echo there > file")
    disk.unmount()
    Command.run("debugfs -w -R 'feature needs_recovery' '\(disk.image)'")
    let before = Command.run("sha256sum '\(disk.image)'").output
    disk.mount("norecovery")
    #expect(disk.shell("cat file") == "there\n")
    #expect(disk.shell("touch new 2>&1; true").contains("Read-only file system"))
    disk.unmount()
    #expect(Command.run("sha256sum '\(disk.image)'").output == before)
  }

  @Test func `a file system that somebody has mounted`() {
    let disk = MountedImage()
    disk.mount()
    let second = TemporaryFolder.makeOrTrap()
    let result = Command.run("'\(MountedImage.program)' '\(disk.image)' '\(second.path)'")
    #expect(result.exitCode == 2)
    #expect(result.output.contains("in use"))
    disk.unmount()
  }

  @Test func `a machine without a vext function`() {
    let disk = MountedImage()
    expectRefusal(disk, code: 2, "vext", arguments: "--device vext '\(disk.mountPoint)'")
    expectRefusal(disk, code: 2, "vext", arguments: "--device vext:0000:ff:1f.7 '\(disk.mountPoint)'")
  }

  @Test func `command lines that make no sense`() {
    let disk = MountedImage()
    expectRefusal(disk, code: 1, "device and a mount point", arguments: "'\(disk.image)'")
    expectRefusal(
      disk, code: 1, "unknown option 'bogus'", arguments: "-o bogus '\(disk.image)' '\(disk.mountPoint)'")
    expectRefusal(disk, code: 1, "threads=0", arguments: "-o threads=0 '\(disk.image)' '\(disk.mountPoint)'")
    expectRefusal(disk, code: 1, "nosuch", arguments: "--nosuch '\(disk.image)' '\(disk.mountPoint)'")
  }

  @Test func `changes of a file system that is mounted read-only`() {
    let disk = MountedImage()
    let before = Command.run("sha256sum '\(disk.image)'").output
    disk.mount("ro")
    for command in ["touch x", "mkdir x", "rmdir lost+found", "chmod 700 lost+found"] {
      #expect(Command.run("cd '\(disk.mountPoint)' && \(command)").output.contains("Read-only file system"))
    }
    disk.unmount()
    #expect(Command.run("sha256sum '\(disk.image)'").output == before)
  }

  @Test func `the background process reports its start, and ends cleanly on a signal`() {
    let disk = MountedImage()
    let start = Command.run("'\(MountedImage.program)' '\(disk.image)' '\(disk.mountPoint)'")
    #expect(start.exitCode == 0, "\(start.output)")
    disk.shell("echo x > f")
    let mounted = Command.run("pgrep -f '^[^ ]*fuse-vext \(disk.image) '").output.split(separator: "\n").first
    let process = mounted.flatMap { pid_t($0) } ?? -1
    #expect(process > 0)
    if process > 0 { _ = kill(process, SIGTERM) }
    Command.run("for i in $(seq 200); do kill -0 \(process) 2>/dev/null || break; sleep 0.05; done")
    #expect(!Command.text(of: "/proc/self/mounts").contains(disk.mountPoint))
    #expect(Command.run("dumpe2fs -h '\(disk.image)'").output.contains(" clean"))
    disk.expectClean()
  }
}
