import SystemPackage
import Testing

@testable import FuseVext

/// `O_TMPFILE`.
@Suite(.serialized)
struct UnnamedFileTests {
  @Test(arguments: ["mkfs.ext4 -q -F", "mkfs.ext2 -q -F -b 1024"])
  func `a file without a name can be linked, and is freed at its last close otherwise`(make: String) {
    let disk = MountedImage(make: make)
    disk.mount()
    let before = disk.shell("stat -f -c %f .")
    disk.shell("python3 '\(TestScript.path("unnamed-files"))'")
    #expect(disk.shell("tr -d b < again | wc -c; rm again; sync -f .").contains("0"))
    disk.shell(
      "for _ in $(seq 50); do test \"$(stat -f -c %f .)\" = \(before.dropLast()) && exit; sleep .1; done; exit 1"
    )
    disk.unmount()
    disk.expectClean()
  }

  @Test(arguments: ["mkfs.ext4 -q -F", "mkfs.ext2 -q -F -b 1024"])
  func `after kill -9 a file without a name is gone, and one that was linked is there`(make: String) {
    let disk = MountedImage(make: make)
    disk.mount()
    _ = Command.run(
      "cd '\(disk.mountPoint)' && python3 '\(TestScript.path("unnamed-files"))' kill \(disk.process)")
    disk.kill()
    let repair = Command.run("e2fsck -fy '\(disk.image)'")
    #expect(repair.exitCode <= 1, "\(repair.output)")
    disk.mount("ro")
    #expect(
      disk.shell("ls -A; stat -c '%s %h' again; tr -d b < again | wc -c") == "again\nlost+found\n70001 1\n0\n"
    )
    disk.unmount()
    #expect(Command.run("ls '\(disk.mountPoint)'").output == "")
  }

  @Test func `a file is taken off the list of orphans when it is linked, wherever it is on the list`() throws
  {
    let disk = MountedImage()
    let device = try FileDevice(path: disk.image, readOnly: false)
    let resources = try ServingResources(device: device)
    let fileSystem = try FileSystem(device: device, resources: resources, readOnly: false)
    try fileSystem.begin(resources)
    let new = NewInode(mode: 0o100600, user: 0, group: 0)
    let numbers = try (0..<4).map { _ in
      try fileSystem.createUnnamed(in: FileSystem.root, new, resources).number
    }
    for index in [1, 3, 0] {
      let name = Array("file\(index)".utf8)
      _ = try fileSystem.link(numbers[index], as: name, in: FileSystem.root, resources)
    }
    try fileSystem.inspect(resources) { (metadata) throws(Errno) in
      #expect(metadata.orphans == [numbers[2]])
      for index in [0, 1, 3] {
        let record = try metadata.inode(numbers[index])
        #expect(record.deletionTime == 0 && record.linkCount == 1)
      }
    }
    try fileSystem.close(resources)
    disk.expectClean()
  }
}
