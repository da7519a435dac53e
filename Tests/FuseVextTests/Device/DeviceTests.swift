import CExt2
import CLinux
import Glibc
import HostSystem
import SystemPackage
import Testing

@testable import FuseVext

/// Where the file system is, and what others do to the device meanwhile.
@Suite(.serialized)
struct DeviceTests {
  private func expectRefusal(
    _ disk: MountedImage, _ words: [String], code: Int32 = 2, options: String = "",
    _ location: SourceLocation = #_sourceLocation
  ) {
    let option = options.isEmpty ? "" : "-o \(options)"
    let result = Command.run(
      "timeout -k 5 20 '\(MountedImage.program)' \(option) '\(disk.image)' '\(disk.mountPoint)'")
    #expect(result.exitCode == code, "\(result.output)", sourceLocation: location)
    for word in words {
      #expect(result.output.contains(word), "\(result.output)", sourceLocation: location)
    }
    #expect(result.output.split(separator: "\n").count == 1, "\(result.output)", sourceLocation: location)
  }

  // MARK: Whole disks

  /// An image with the tables and the file systems that a shell script makes of `$1`.
  private func disk(_ script: String) -> MountedImage {
    let disk = MountedImage(megabytes: 100, make: "true")
    let result = Command.run("set -e; set -- '\(disk.image)'; \(script)")
    #expect(result.exitCode == 0, "\(result.output)")
    return disk
  }

  @Test(
    arguments: [
      (
        "printf 'label: gpt\\nstart=2048,size=4096\\nstart=8192,size=131072\\n' | sfdisk -q $1", 2,
        "partitions 1 (not ext, 2 MiB), 2 (ext4, 64 MiB)", 8192
      ),
      (
        "printf 'label: dos\\nstart=2048,size=131072\\n' | sfdisk -q $1", 1, "partition 1 (ext4, 64 MiB)",
        2048
      ),
      (
        """
        printf 'label: dos\\nstart=2048,size=4096\\nstart=8192,size=190000,type=5\\nstart=10240,size=4096\\nstart=20480,size=131072\\n' \
        | sfdisk -q $1
        """, 6, "6 (ext4, 64 MiB)", 20480
      ),
    ] as [(String, Int, String, Int)])
  func `a partition of a whole disk is mounted by its number or its offset`(
    table: String, number: Int, text: String, sector: Int
  ) {
    let disk = disk("\(table); mkfs.ext4 -q -F -E offset=$((\(sector) * 512)) $1 64M")
    expectRefusal(disk, ["a whole disk", text, "-o partition=\(number)"])
    for option in ["partition=\(number)", "offset=\(sector / 2)K", "offset=\(sector * 512),sizelimit=64MiB"] {
      disk.mount(option)
      disk.shell("echo \(option) >> file; cat file > /dev/null")
      disk.unmount()
    }
    let check = Command.run("e2fsck -fn '\(disk.image)?offset=\(sector * 512)'")
    #expect(check.exitCode == 0, "\(check.output)")
    expectRefusal(disk, ["there is no partition 9"], options: "partition=9")
    expectRefusal(disk, ["beyond the end"], options: "offset=1T")
    expectRefusal(disk, ["a multiple of 512"], options: "offset=\(sector * 512 + 1)")
    expectRefusal(disk, ["larger than the device"], options: "offset=\(sector * 512),sizelimit=1M")
  }

  @Test func `a GPT with a wrong checksum counts only by its copy`() throws {
    let disk = disk(
      "printf 'label: gpt\\nstart=2048,size=131072\\n' | sfdisk -q $1; mkfs.ext4 -q -F -E offset=1048576 $1 64M"
    )
    // The first entry's start.
    try ImageBytes.write([0xff], to: disk.image, at: 1024 + 33)
    expectRefusal(disk, ["partition 1 (ext4, 64 MiB)"])
    try ImageBytes.write([0xff], to: disk.image, at: (100 << 20) - 512 + 80)
    expectRefusal(disk, ["not an ext2, ext3 or ext4 file system"])
  }

  @Test func `a chain of logical partitions that comes back to itself ends`() throws {
    let disk = disk("printf 'label: dos\\nstart=2048,type=5\\nstart=4096,size=4096\\n' | sfdisk -q $1")
    // The second entry of the first table in the chain: an extended partition, at the same place.
    var sector = try ImageBytes.read(disk.image, offset: 2048 * 512, count: 512)
    sector.replaceSubrange(462..<478, with: [0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 1, 0, 16, 0, 0])
    try ImageBytes.write(sector, to: disk.image, at: 2048 * 512)
    expectRefusal(disk, ["none of them can be mounted"])
    sector.replaceSubrange(462..<478, with: [0, 0, 0, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0, 16, 0, 0])
    try ImageBytes.write(sector, to: disk.image, at: 2048 * 512)
    try ImageBytes.write(sector, to: disk.image, at: 2049 * 512)
    expectRefusal(disk, ["none of them can be mounted"])
  }

  @Test(arguments: [
    ("qcow2", "qcow2 image"), ("qcow", "qcow image"), ("qed", "QED image"), ("vmdk", "VMDK image"),
    ("vdi", "VDI image"),
    ("vpc", "VHD image"), ("vhdx", "VHDX image"), ("parallels", "Parallels image"),
  ])
  func `the format of an image that is not raw is named`(format: String, noun: String) throws {
    let disk = MountedImage(megabytes: 1, make: "true")
    let made = Command.run("rm '\(disk.image)'; qemu-img create -q -f \(format) '\(disk.image)' 8M")
    try #require(made.exitCode == 0, "\(made.output)")
    expectRefusal(disk, [noun, "qemu-img convert -O raw"])
  }

  @Test(arguments: ["gzip", "xz", "zstd", "bzip2"])
  func `a compressed image is named`(program: String) {
    let disk = MountedImage(megabytes: 1, make: "true")
    Command.run(
      "head -c 100000 /dev/urandom > '\(disk.image)'; \(program) -c '\(disk.image)' > '\(disk.image).z'; mv '\(disk.image).z' '\(disk.image)'"
    )
    expectRefusal(disk, ["compressed with \(program)", "decompress it with '\(program) -d'"])
  }

  // MARK: Changes from outside

  @Test func `an image that becomes shorter is not made longer again`() {
    let disk = MountedImage(megabytes: 64)
    disk.mount()
    disk.shell("echo there > file; sync file")
    Command.run("truncate -s 1M '\(disk.image)'")
    let result = Command.run(
      "cd '\(disk.mountPoint)'; for i in 1 2 3; do dd if=/dev/zero of=new-$i bs=1M count=8 conv=fsync; sync .; done"
    )
    #expect(
      result.output.contains("Input/output error") || result.output.contains("Read-only"), "\(result.output)")
    #expect(disk.unmountAfterFailure() == 2)
    #expect(Command.run("stat -c %s '\(disk.image)'").output == "1048576\n")
    #expect(disk.messages.contains("the image has become shorter"), "\(disk.messages)")
    #expect(disk.messages.split(separator: "\n").count == 1, "\(disk.messages)")
  }

  @Test(arguments: ["rm", "replace", "losetup"])
  func `an image that was removed or mounted elsewhere is not changed any more`(how: String) throws {
    let disk = MountedImage(megabytes: 16)
    disk.mount("commit=1")
    disk.shell("echo there > file; sync file")
    let action =
      switch how {
      case "rm": "rm '\(disk.image)'"
      case "replace": "cp '\(disk.image)' '\(disk.image).new'; mv '\(disk.image).new' '\(disk.image)'"
      default: "losetup -f --show '\(disk.image)'"
      }
    let before = Command.run(action).output
    // The regular writer looks every second here.
    Command.run("sleep 2.5")
    #expect(disk.failsToMakeFile)
    #expect(disk.unmountAfterFailure() == 2)
    if how == "losetup" { Command.run("losetup -d \(before)") }
    let text = how == "losetup" ? "is used by /dev/loop" : "was removed or replaced"
    #expect(disk.messages.contains(text), "\(disk.messages)")
    #expect(disk.messages.split(separator: "\n").count == 1, "\(disk.messages)")
  }

  @Test func `an image that the kernel has mounted is refused`() {
    let disk = MountedImage(megabytes: 16)
    let other = TemporaryFolder.makeOrTrap()
    let mounted = Command.run("mount -o loop '\(disk.image)' '\(other.path)'")
    #expect(mounted.exitCode == 0, "\(mounted.output)")
    expectRefusal(disk, ["in use by /dev/loop"])
    expectRefusal(disk, ["in use by /dev/loop"], options: "ro")
    Command.run("umount '\(other.path)'")
    disk.mount()
    disk.unmount()
    disk.expectClean()
  }

  @Test(arguments: [1024, 4096])
  func `a disk with sectors of 4096 bytes takes blocks of any size`(blockByteCount: Int) throws {
    let disk = MountedImage(megabytes: 32, make: "mkfs.ext4 -q -F -b \(blockByteCount)")
    let loop = Command.run("losetup --show -f -b 4096 '\(disk.image)'").output.split(separator: "\n").first
      .map(String.init)
    let path = try #require(loop)
    let folder = TemporaryFolder.makeOrTrap()
    let log = folder.path + "-log"
    let child = Command.spawn("exec '\(MountedImage.program)' -f '\(path)' '\(folder.path)'", outputPath: log)
    let result = Command.run(
      """
      for i in $(seq 300); do mountpoint -q '\(folder.path)' && break; sleep 0.1; done
      cd '\(folder.path)' && seq 100000 > file && dd if=file of=copy bs=1k oflag=append conv=notrunc,fsync 2> /dev/null && cmp file copy && mkdir d
      code=$?; cd /; umount '\(folder.path)'; exit $code
      """)
    #expect(result.exitCode == 0, "\(result.output) \(Command.text(of: log))")
    #expect(Command.wait(for: child) == 0, "\(Command.text(of: log))")
    Command.run("losetup -d \(path); rm -f '\(log)'")
    disk.expectClean()
  }
}
