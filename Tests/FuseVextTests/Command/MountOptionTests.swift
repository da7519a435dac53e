import Testing

@testable import FuseVext

/// What fstab, mount(8) and mount.fuse hand over.
@Suite
struct MountOptionTests {
  private func options(_ text: String) throws -> MountOptions {
    var options = MountOptions(device: "disk.img", mountPoint: "/mnt")
    try options.add(text)
    return options
  }

  @Test(arguments: [
    "defaults", "rw", "rw+", "force", "silent", "nofail", "_netdev", "user", "users", "owner", "group",
    "noauto", "auto",
    "x-gvfs-show", "x-systemd.device-timeout=5", "comment=text", "iversion", "data=ordered", "data=writeback",
    "data=journal", "errors=continue", "errors=panic", "barrier=1", "barrier=0", "nobarrier", "acl",
    "user_xattr", "journal_checksum", "nodelalloc", "stripe=16", "init_itable=0",
  ])
  func `options of fstab and ext4 that change nothing are taken`(word: String) throws {
    #expect(try options(word) == options(""))
  }

  @Test(arguments: [
    "nonsense", "data=", "data=none", "errors=ignore", "barrier=2", "commit=-1", "commit=x", "threads=0",
    "relatime=1",
    "usrquota", "x", "noacl ", "remount",
  ])
  func `an unknown option, or a wrong value, is refused, and the message names it`(word: String) {
    do throws(MountFailure) {
      var options = MountOptions(device: "disk.img", mountPoint: "/mnt")
      try options.add("ro,\(word),noatime")
      Issue.record("'\(word)' was taken")
    } catch {
      #expect(error.exitCode == 1)
      #expect(error.description.contains("'\(word)'"))
    }
  }

  @Test func `of options that contradict each other the last one counts`() throws {
    #expect(try options("ro,rw").isReadOnly == false)
    #expect(try options("rw,ro").isReadOnly)
    #expect(try options("norecovery,rw").isReadOnly)
    #expect(try options("noatime,strictatime").accessTimes.mode == .always)
    #expect(try options("strictatime,relatime").accessTimes.mode == .relative)
    #expect(try options("lazytime,nolazytime,nodiratime,diratime").accessTimes == AccessTimes())
    #expect(try options("sync,dirsync").durability == .everything)
    #expect(try options("sync,async,dirsync").durability == .names)
    #expect(try options("noacl").attributeSupport == .userAttributes)
    #expect(try options("nouser_xattr").attributeSupport == .accessControlLists)
    #expect(try options("io_uring,read").transport == .device)
    #expect(try options("read,io_uring").transport == .ring)
    #expect(try options("commit=30").writeInterval == 30)
    #expect(try options("commit=30,commit=0").writeInterval == 5)
  }

  @Test func `libfuse gets only the options that it knows`() throws {
    let passed = try options("noatime,strictatime,nodev,x-gvfs-show,allow_other,subtype=ext4").fuseOptions
    #expect(
      passed == ["noatime", "nodev", "allow_other", "subtype=ext4", "default_permissions", "fsname=disk.img"])
  }

  @Test func `mount finds fuse-vext by the name of the file system's type`() {
    let disk = MountedImage()
    // mount(8) looks in the system's folders, whatever PATH says.
    let mounted = Command.run(
      """
      unshare -m bash -c 'mount --bind "$(dirname "$0")" /usr/local/bin &&
        mount -t fuse.fuse-vext -o rw,nofail,strictatime,x-test "$1" "$2" &&
        findmnt -no FSTYPE,SOURCE "$2" && touch "$2/a" && umount "$2"' \
        '\(MountedImage.program)' '\(disk.image)' '\(disk.mountPoint)'
      """)
    #expect(mounted.exitCode == 0)
    #expect(mounted.output == "fuse.fuse-vext \(disk.image)\n")
    // The process in the background ends by itself.
    disk.expectCleanSoon()
  }

  @Test(arguments: ["-V", "--version", "-h", "--help"])
  func `-V prints the versions, and -h the usage`(flag: String) {
    let told = Command.run("'\(MountedImage.program)' \(flag)")
    #expect(told.exitCode == 0)
    #expect(told.output.contains("fuse-vext"))
    if flag == "-V" { #expect(told.output.contains("libfuse 3.")) }
  }
}
