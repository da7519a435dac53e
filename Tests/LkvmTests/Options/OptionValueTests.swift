import Hypervisor
import Testing

@testable import lkvm

/// The values of single options.
struct OptionValueTests {
  @Test(
    arguments: [
      ("512", 512 << 20), ("1M", 1 << 20), ("1m", 1 << 20), ("4096B", 4096), ("4096b", 4096),
      ("64K", 64 << 10),
      ("2G", 2 << 30), ("1t", 1 << 40), ("8191P", 8191 << 50), ("0", 0), ("0x200", 512 << 20),
      ("0x2G", 2 << 30), ("0xB", 11 << 20), ("0512", 512 << 20),
    ] as [(String, UInt64)])
  func `a size is a number with a unit, and MiB without one`(text: String, byteCount: UInt64) {
    #expect(MemorySize(argument: text) == MemorySize(byteCount: byteCount))
  }

  @Test(arguments: [
    "", "M", "-1", "+1", "1.5G", "1E", "1MB", "1 M", "0x", "0xG", "0x-1", "８", "8192P", "9999999999999P",
    "18446744073709551616B",
  ])
  func `a size must be a number of bytes below 2^63`(text: String) {
    #expect(MemorySize(argument: text) == nil)
  }

  @Test func `a disk's suffixes are ro and direct, in any order`() throws {
    let plain = try #require(DiskOption(argument: "disk.img"))
    #expect(plain.path == "disk.img")
    #expect(!plain.isReadOnly && !plain.isDirect)
    let both = try #require(DiskOption(argument: "a b.img,direct,ro"))
    #expect(both.path == "a b.img")
    #expect(both.isReadOnly && both.isDirect && !both.acceptsAnyFormat)
    #expect(try #require(DiskOption(argument: "a.img,format=raw")).acceptsAnyFormat)
    #expect(DiskOption(argument: "a.img,format=qcow2") == nil)
    let image = try #require(DiskOption(argument: "a.qcow2,snapshot=a b,backing=any"))
    #expect(image.formats == .qcow(QcowOptions(snapshot: "a b", allowsAnyBackingFile: true)))
    for text in [
      "a.qcow2,snapshot=", "a.qcow2,backing=all", "a.img,format=raw,snapshot=x",
      "a.img,backing=any,format=raw",
    ] {
      #expect(DiskOption(argument: text) == nil)
    }
  }

  @Test(arguments: ["", ",", ",ro", "disk.img,", "disk.img,rw", "disk.img,ro,", "disk.img,RO"])
  func `a disk without a path or with another suffix is refused`(text: String) {
    #expect(DiskOption(argument: text) == nil)
  }

  @Test func `a jail has a user, and may have a root and a control group`() throws {
    let plain = try #require(JailOption(argument: "nobody"))
    #expect(plain.user == "nobody" && plain.root == nil && plain.controlGroup == nil)
    let whole = try #require(JailOption(argument: "1000:100,cgroup=web/1,chroot=/srv/a=b"))
    #expect(whole.user == "1000:100" && whole.root == "/srv/a=b")
    #expect(whole.controlGroup == "/sys/fs/cgroup/web/1")
    #expect(JailOption(argument: "a,cgroup=/cg/x")?.controlGroup == "/cg/x")
    for text in ["", ",", "a,", "chroot=/", "a,chroot", "a,chroot=", "a,cgroup=x,cgroup=y", "a,uid=1"] {
      #expect(JailOption(argument: text) == nil, "\(text)")
    }
    #expect(try ParsedCommand.run(["--jail", "a", "--no-jail"]).settings.machine.jail == nil)
  }

  @Test func `shared memory has an address, a size, a name, and is made where that is asked for`() throws {
    let plain = try SharedMemoryOption(argument: "0xc8000000:16MB")
    #expect(plain.address == 0xC800_0000 && plain.byteCount == 16 << 20)
    #expect(plain.name == "/kvm_shmem" && !plain.creates)
    let whole = try SharedMemoryOption(argument: "pci:3355443200:0x1000:create:handle=/a:handle=b")
    #expect(whole.address == 0xC800_0000 && whole.byteCount == 4096)
    #expect(whole.name == "b" && whole.creates)
    let run = try ParsedCommand.run(["--shmem", "0xc8000000:4k", "--shmem=0xd0000000:4k:handle=c"]).settings
    #expect(run.devices.sharedMemory.map(\.name) == ["/kvm_shmem", "c"])
    #expect(
      try ParsedCommand.run(["--shmem", "0xc8000000:4k", "--no-shmem"]).settings.devices.sharedMemory == [])
  }

  @Test func `a vhost-user disk has a socket and perhaps queues`() throws {
    let disk = try #require(VhostUserBlockOption(argument: "/run/d.sock,queues=4"))
    #expect(disk.socket == "/run/d.sock" && disk.queueCount == 4)
    #expect(try #require(VhostUserBlockOption(argument: "d.sock")).queueCount == nil)
  }

  @Test(arguments: ["", ",queues=1", "d,queues=0", "d,queues=65", "d,queues=", "d,ro", "d,queues=1,queues=2"])
  func `a vhost-user disk with anything else is refused`(text: String) {
    #expect(VhostUserBlockOption(argument: text) == nil)
  }

  @Test func `a vhost-user file system has a socket and a tag`() throws {
    let share = try #require(VhostUserFileSystemOption(argument: "/run/f.sock,tag=files"))
    #expect(share.socket == "/run/f.sock" && share.tag == "files")
  }

  @Test(arguments: [
    "", "f.sock", ",tag=a", "f,tag=", "f,tag=a,ro", "f,tag=\(String(repeating: "x", count: 37))",
  ])
  func `a vhost-user file system without a tag that virtio-fs can have is refused`(text: String) {
    #expect(VhostUserFileSystemOption(argument: text) == nil)
  }

  @Test func `a vext disk is polled where that is asked for`() throws {
    #expect(VextOption(argument: "a.img")?.polls == false)
    #expect(VextOption(argument: "a.img,poll,ro")?.polls == true)
    #expect(VextOption(argument: "a.img,poll=1") == nil)
  }

  @Test func `a vext disk takes queues= as well`() throws {
    let plain = try #require(VextOption(argument: "disk.img"))
    #expect(plain.queueCount == nil)
    let all = try #require(VextOption(argument: "disk.img,queues=128,ro,direct"))
    #expect(all.source == .file(path: "disk.img"))
    #expect(all.queueCount == 128)
    #expect(all.isReadOnly && all.isDirect && !all.acceptsAnyFormat)
    #expect(try #require(VextOption(argument: "a.img,format=raw")).acceptsAnyFormat)
    #expect(VextOption(argument: "a.img,format=vmdk") == nil)
  }

  @Test(arguments: [
    "", "disk.img,queues", "disk.img,queues=", "disk.img,queues=0", "disk.img,queues=-1",
    "disk.img,queues=129",
    "disk.img,queues=x", "vextd:", "vextd:a", "vextd:/a", "vextd:/run/v.sock/", "vextd:/run/v.sock/a,ro",
    "vextd:/run/v.sock/a,direct", "vextd:/run/v.sock/a,queues=0", "disk.img,ro=1", "disk.img,direct=",
    "disk.img,foo",
  ])
  func `a number of queues that no vext function has is refused`(text: String) {
    #expect(VextOption(argument: text) == nil)
  }

  @Test func `a disk of a service is a socket and a name`() throws {
    let disk = try #require(VextOption(argument: "vextd:/run/vextd.sock/root,queues=2"))
    #expect(disk.source == .service(socket: "/run/vextd.sock", name: "root"))
    #expect(disk.queueCount == 2)
    #expect(
      try #require(VextOption(argument: "vextd:v.sock/a")).source == .service(socket: "v.sock", name: "a"))
    #expect(try #require(VextOption(argument: "vextd:v.sock/a,wait=5")).waitSeconds == 5)
    #expect(VextOption(argument: "vextd:v.sock/a,wait=-1") == nil)
    #expect(VextOption(argument: "disk.img,wait=5") == nil)
  }

  @Test func `a share is a folder and a tag`() throws {
    let plain = try #require(ShareOption(argument: "/srv/data,data"))
    #expect(plain.directory == "/srv/data")
    #expect(plain.tag == "data")
    #expect(!plain.isReadOnly)
    #expect(try #require(ShareOption(argument: "/srv/data,data,ro")).isReadOnly)
    #expect(try #require(ShareOption(argument: "/srv/data")).tag == "kvm_9p")
    #expect(plain.security == .none)
    let mapped = try #require(ShareOption(argument: "/srv/data,security=mapped"))
    #expect(mapped.tag == "kvm_9p")
    #expect(mapped.security == .mapped)
    let all = try #require(ShareOption(argument: "/srv/data,data,ro,security=passthrough"))
    #expect(all.isReadOnly)
    #expect(all.security == .passthrough)
    #expect(try #require(DiskOption(argument: "root,security=mapped")).security == .mapped)
    #expect(DiskOption(argument: "root,security=all") == nil)
  }

  @Test(arguments: [
    "", "dir,", ",tag", "dir,tag,rw", "dir,tag,", "dir,tag,ro,ro", "dir,ro,", "dir,tag,security=",
    "dir,tag,security=all", "dir,security=none,security=none",
  ])
  func `a share without folder or with an empty tag is refused`(text: String) {
    #expect(ShareOption(argument: text) == nil)
  }
}
