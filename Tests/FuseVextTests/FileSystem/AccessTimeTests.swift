import SystemPackage
import Testing

@testable import FuseVext

/// Times of access, as the kernel's ext4 sets them on the same commands.
@Suite(.serialized)
struct AccessTimeTests {
  /// What became of old times of access: of a file, a directory and a symbolic link that were read, of the file read again,
  /// of a file that was read after a day, and of a file and a directory read with `O_NOATIME`.
  private static let script = """
    set -e
    old='2020-01-01 00:00:00 UTC'
    changed() { if [[ $(stat -c %X "$1") -gt 1600000000 ]]; then echo -n 'new '; else echo -n 'old '; fi; }
    echo hi > f; mkdir d; touch d/a; ln -s f l
    touch -a -d "$old" f d; touch -h -a -d "$old" l
    cat f; ls d; readlink l; exec 3>&1
    changed f; changed d; changed l
    before=$(stat -c %x f); sleep 0.02; cat f > cat; after=$(stat -c %x f)
    if [[ $before == "$after" ]]; then echo -n 'same '; else echo -n 'newer '; fi
    touch -d '2019-01-01' f; touch -a -d "$old" f; cat f > cat; changed f
    touch -a -d "$old" f; dd if=f iflag=noatime of=cat status=none; changed f
    touch -a -d "$old" d; python3 -c "import os; os.listdir(os.open('d', os.O_RDONLY | os.O_NOATIME))"; changed d
    touch -a -d "$old" f; cat f > cat
    """

  @Test(arguments: [
    ("relatime", "new new new same new old old"), ("strictatime", "new new new newer new old old"),
    ("noatime", "old old old same old old old"), ("nodiratime", "new old new same new old old"),
    ("lazytime", "new new new same new old old"), ("direct_io", "new new new same new old old"),
  ])
  func `reads set times of access as the mount's options say`(options: String, expected: String) {
    let disk = MountedImage()
    disk.mount(options)
    #expect(disk.shell(Self.script).hasSuffix(expected + " "))
    let left = disk.shell("stat -c '%n %x' f d l")
    disk.unmount()
    disk.expectClean()
    // Neither lost nor changed by reading.
    disk.mount("ro")
    #expect(disk.shell("cat f; ls d; stat -c '%n %x' f d l").hasSuffix(left))
    disk.unmount()
  }

  @Test func `times of access of many files are written in few steps, and lazy ones when they are asked for`()
    throws
  {
    for isLazy in [false, true] {
      let disk = MountedImage()
      let device = try FileDevice(path: disk.image, readOnly: false)
      let resources = try ServingResources(device: device)
      var times = AccessTimes()
      times.isLazy = isLazy
      let fileSystem = try FileSystem(
        device: device, resources: resources, readOnly: false, accessTimes: times)
      try fileSystem.begin(resources)
      let inodes = try (0..<100).map { index in
        let new = NewInode(mode: 0o100644, user: 0, group: 0)
        let found = try fileSystem.create(Array("\(index)".utf8), in: FileSystem.root, new, resources)
        return fileSystem.openInode(found.number)
      }
      func seconds(_ inode: OpenInode) throws -> Int64 {
        try fileSystem.inspect(resources) { (metadata) throws(Errno) in
          try metadata.inode(inode.number).accessTime.seconds
        }
      }
      for inode in inodes {
        let old = InodeTime(seconds: 1000, nanoseconds: 0)
        _ = try fileSystem.setAttributes(.init(accessTime: old), of: inode.number, resources)
        try fileSystem.noteAccess(inode, resources)
        #expect(try seconds(inode) == 1000)
      }
      try fileSystem.synchronizeAll(resources, isRegular: true)
      #expect(try inodes.allSatisfy { try (seconds($0) == 1000) == isLazy })
      // Forgotten or asked for, they are written.
      try fileSystem.forget(inodes[0].number, count: 1, resources)
      #expect(try seconds(inodes[0]) > 1000)
      try fileSystem.synchronizeAll(resources)
      #expect(try inodes.allSatisfy { try seconds($0) > 1000 })
      try fileSystem.close(resources)
      disk.expectClean()
    }
  }
}
