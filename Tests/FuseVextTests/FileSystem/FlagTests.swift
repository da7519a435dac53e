import Synchronization
import SystemPackage
import Testing

@testable import FuseVext

/// Flags of inodes, labels and fstrim.
@Suite(.serialized)
struct FlagTests {
  private func inode(_ mode: UInt16, flags: UInt32 = 0x80000) -> FuseVext.Inode {
    var inode = FuseVext.Inode(number: 12)
    inode.mode = mode
    inode.flags = flags
    return inode
  }

  @Test func `flags are taken, refused or left alone by type, as on the kernel's ext4`() throws {
    let (file, directory, device) = (inode(0o100644), inode(0o040755), inode(0o020644, flags: 0))
    // d, A, S, i, a of a file; D, T, P of a directory alone; what nobody can set is left alone, what is unknown refused.
    for flag: UInt32 in [0x40, 0x80, 0x8, 0x10, 0x20] {
      #expect(try file.flags(asking: 0x80000 | flag) == 0x80000 | flag)
    }
    for flag: UInt32 in [0x10000, 0x20000, 0x2000_0000] {
      #expect(try directory.flags(asking: 0x80000 | flag) == 0x80000 | flag)
      #expect(throws: Errno.notSupported) { try file.flags(asking: 0x80000 | flag) }
    }
    #expect(try device.flags(asking: 0x40) == 0x40)
    #expect(throws: Errno.notSupported) { try device.flags(asking: 0x8) }
    #expect(try file.flags(asking: 0x80000 | 0x1000) == 0x80000)
    #expect(throws: Errno.notSupported) { try file.flags(asking: 0x80000 | 0x0400_0000) }
    // Moving between extents and block pointers is not done.
    #expect(throws: Errno.notSupported) { try file.flags(asking: 0) }
    #expect(throws: Errno.notPermitted) {
      try inode(0o100644, flags: 0x80010).flags(asking: 0x80050)
    }
    #expect(try inode(0o100644, flags: 0x80010).flags(asking: 0x80000) == 0x80000)
    #expect(try inode(0o100644, flags: 0x80080).flags(askingExtended: 0x20) == 0x80008)
    #expect(inode(0o040755, flags: 0x2008_0088).extendedFlags == 0x260)
  }

  @Test func `a new file inherits the flags of its directory that suit its type`() {
    let directory = inode(0o040755, flags: 0x208_10D8 | 0x30000)
    let cases: [(UInt16, UInt32)] = [(0o100644, 0x200_00C8), (0o040755, 0x201_00C8), (0o120777, 0xC0)]
    for (mode, wanted) in cases {
      var new = inode(mode, flags: 0)
      new.inheritFlags(from: directory)
      #expect(new.flags == wanted)
    }
  }

  @Test func `changed flags set the time of change that stat shows`() {
    let disk = MountedImage()
    disk.mount()
    disk.shell(
      """
      touch f; before=$(stat -c %z f); sleep 0.05; chattr +d f; middle=$(stat -c %z f); sleep 0.05
      \(FlagTests.setExtended("f")); test "$before" != "$middle" && test "$middle" != "$(stat -c %z f)"
      """)
    disk.unmount()
    disk.expectClean()
  }

  /// `FS_IOC_FSSETXATTR` with no flag and no project.
  private static func setExtended(_ file: String) -> String {
    "python3 -c 'import fcntl, os; fcntl.ioctl(os.open(\"\(file)\", 0), 0x401C5820, bytes(28))'"
  }

  @Test func `chattr and lsattr, versions and labels work through the mount, for users with the right`() {
    let disk = MountedImage()
    disk.mount("allow_other")
    disk.shell(
      """
      set -e
      touch f; mkdir d; chown 1000 f d; chmod 777 .
      chattr +dA f; test "$(lsattr f | cut -c1-22)" = "------dA------e-------"
      test "$(lsattr -v f | wc -w)" = 3
      setpriv --reuid=1000 --clear-groups chattr -d f
      ! setpriv --reuid=1000 --clear-groups chattr +i f 2>/dev/null
      chattr +i f; ! rm f 2>/dev/null; chattr -i f; rm f
      chattr +i d; ! python3 -c "import os; os.open('d', os.O_TMPFILE | os.O_RDWR)" 2>/dev/null; chattr -i d
      chattr +SD d; touch d/f; lsattr d/f | grep -q S; ! chattr +D d/f 2>/dev/null
      cat > /dev/shm/label.$$ <<'END'
      import fcntl, os, sys
      folder = os.open('.', os.O_RDONLY)
      if len(sys.argv) > 1: fcntl.ioctl(folder, 0x41009432, sys.argv[1].encode().ljust(256, b'\\0'))
      print(fcntl.ioctl(folder, 0x81009431, bytes(256)).split(b'\\0')[0].decode())
      END
      trap 'rm /dev/shm/label.$$' EXIT
      test "$(python3 /dev/shm/label.$$ new)" = new
      ! setpriv --reuid=1000 --clear-groups python3 /dev/shm/label.$$ other 2>/dev/null
      ! python3 /dev/shm/label.$$ 12345678901234567 2>/dev/null
      ! setpriv --reuid=1000 --clear-groups fstrim . 2>/dev/null
      # In a user namespace of one's own everybody has all capabilities.
      ! setpriv --reuid=1000 --clear-groups unshare -Ur fstrim . 2>/dev/null
      """)
    disk.unmount()
    disk.expectClean()
    #expect(Command.run("e2label '\(disk.image)'").output == "new\n")
  }

  @Test(arguments: ["mkfs.ext4 -q -F", "mkfs.ext2 -q -F -b 1024"])
  func `fstrim gives back free blocks alone`(make: String) {
    let disk = MountedImage(megabytes: 200, make: make)
    disk.mount()
    disk.shell(
      """
      set -e
      for i in $(seq 9 12); do head -c 1M /dev/urandom > f$i; done
      sync f9; before=$(stat -c %b '\(disk.image)')
      rm f9 f10; md5sum f* > sums; sync sums
      # The kernel lets go of a removed file a little later; statfs counts pointers that a file will need as used.
      for _ in $(seq 50); do
        trimmed=$(fstrim -v . | sed 's/.*(\\([0-9]*\\) bytes.*/\\1/'); free=$(($(stat -f -c '%f*%S' .)))
        if ((trimmed >= free && trimmed - free < 65536)); then break; fi; sleep .1
      done
      ((trimmed >= free && trimmed - free < 65536)); test "$(stat -c %b '\(disk.image)')" -lt $((before - 3000))
      test "$(fstrim -v -o 150M -l 10M . | grep -c ' 0 B')" = 0
      fstrim -v -o 190M -l 1G -m 100k .
      ! fstrim -o 1G . 2>/dev/null; ! fstrim -l 100 . 2>/dev/null; ! fstrim -m 1G . 2>/dev/null
      """)
    disk.unmount()
    disk.expectClean()
    disk.mount("ro")
    disk.shell("md5sum --quiet -c sums && ! fstrim . 2>/dev/null")
    disk.unmount()
  }

  @Test func `a device that takes no discards is named by fstrim, and stays usable`() throws {
    let disk = MountedImage()
    let device = FaultyDevice(try FileDevice(path: disk.image, readOnly: false))
    let resources = try ServingResources(device: device)
    let fileSystem = try FileSystem(device: device, resources: resources, readOnly: false)
    try fileSystem.begin(resources)
    device.refusesDiscards.store(true, ordering: .relaxed)
    #expect(throws: Errno.notSupported) {
      try fileSystem.trimFreeBlocks(from: 0, byteCount: .max, smallest: 0, resources)
    }
    // Numbers of any size.
    #expect(throws: Errno.invalidArgument) {
      try fileSystem.trimFreeBlocks(from: .max, byteCount: .max, smallest: .max, resources)
    }
    #expect(throws: Errno.invalidArgument) {
      try fileSystem.trimFreeBlocks(from: 0, byteCount: .max, smallest: .max, resources)
    }
    try fileSystem.setLabel(Array("x".utf8), resources)
    try fileSystem.close(resources)
    disk.expectClean()
  }
}
