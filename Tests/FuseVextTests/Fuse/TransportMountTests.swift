import Glibc
import HostSystem
import Testing

/// Mounts whose requests come by rings or are read from /dev/fuse. The kernel must do the same with both.
@Suite(.serialized)
struct TransportMountTests {
  private static let options = ["io_uring", "read"]

  private func mounted(_ option: String, megabytes: Int = 256, make: String = "mkfs.ext4 -q -F") throws
    -> MountedImage
  {
    try RingHost.canMount(option)
    let disk = MountedImage(megabytes: megabytes, make: make)
    disk.mount(option)
    return disk
  }

  /// The number of the server's rings.
  private func ringCount(of disk: MountedImage) -> Int {
    let rings = Command.run("ls -l /proc/\(disk.process)/fd | grep -c 'anon_inode:.io_uring'")
    return Int(rings.output.split(separator: "\n").first ?? "") ?? -1
  }

  /// Starts eight loops of `command`, each with a number `i`, in the mount point. They end with its first failure.
  private func startLoad(on disk: MountedImage, _ command: String) -> pid_t {
    let load = Command.spawn(
      "cd '\(disk.mountPoint)' && for i in $(seq 8); do (while \(command); do touch begun; done) & done; wait",
      outputPath: disk.folder.path + "/load")
    // A loop that begins after the unmount would never end.
    for _ in 0..<1000 where Command.run("test -e '\(disk.mountPoint)/begun'").exitCode != 0 {
      HostClock.sleep(nanoseconds: 10_000_000)
    }
    return load
  }

  @Test(arguments: options)
  func `eight processes get back what they wrote: data, names, attributes, flags`(option: String) throws {
    let disk = try mounted(option)
    disk.shell("python3 '\(TestScript.path("parallel-load"))' . 1")
    #expect((ringCount(of: disk) > 0) == (option == "io_uring"))
    // A block of 4 KiB behind 1 KiB, and a MiB that no request begins with.
    disk.shell(
      """
      head -c 3000000 /dev/urandom > '\(disk.folder.path)/random'
      dd if='\(disk.folder.path)/random' of=f bs=1000 seek=1 conv=notrunc status=none
      dd if=f bs=1000 skip=1 status=none | cmp - '\(disk.folder.path)/random'
      sync f; echo 1 > /proc/sys/vm/drop_caches
      dd if=f bs=1000 skip=1 status=none | cmp - '\(disk.folder.path)/random'
      """)
    disk.unmount()
    disk.expectClean()
  }

  @Test(arguments: options)
  func `a file system of 64 KiB blocks is read and written at any offset`(option: String) throws {
    let disk = try mounted(option, make: "mkfs.ext4 -q -F -b 65536 2>/dev/null")
    disk.shell(
      """
      head -c 5000001 /dev/urandom > '\(disk.folder.path)/random'
      cp '\(disk.folder.path)/random' f; sync f
      for size in 512 4096 12288 1048576; do
        dd if=f of='\(disk.folder.path)/copy' bs=$size iflag=direct status=none
        cmp '\(disk.folder.path)/copy' '\(disk.folder.path)/random' || exit 1
      done
      """)
    disk.unmount()
    disk.expectClean()
  }

  @Test(arguments: options)
  func `one thread serves every processor`(option: String) throws {
    let disk = try mounted("\(option),threads=1")
    disk.shell("python3 '\(TestScript.path("parallel-load"))' . 2")
    disk.unmount()
    disk.expectClean()
  }

  @Test(arguments: options)
  func `inodes that the kernel forgets under load are freed, and come back when they are asked for`(
    option: String
  ) throws {
    let disk = try mounted(option)
    disk.shell(
      """
      mkdir d; for i in $(seq 800); do echo $i > d/$i; done
      ( for i in $(seq 20); do echo 2 > /proc/sys/vm/drop_caches; done ) &
      for i in $(seq 800); do [ "$(< d/$i)" = $i ] || exit 1; done
      exec 3< d/7; rm d/7; echo 2 > /proc/sys/vm/drop_caches; [ "$(cat <&3)" = 7 ] || exit 2; exec 3<&-
      wait; rm -r d
      """)
    disk.unmount()
    disk.expectClean()
  }

  @Test(arguments: options)
  func `after kill -9 under load the mount fails at once, nobody waits, and a replay repairs everything`(
    option: String
  ) throws {
    let disk = try mounted(option)
    let load = startLoad(
      on: disk, "dd if=/dev/urandom of=f$i bs=64k count=20 conv=fsync status=none && mv f$i g$i")
    HostClock.sleep(nanoseconds: 700_000_000)
    disk.kill()
    // The shell's children get ENOTCONN; a request that hangs would keep them.
    #expect(Command.wait(for: load) == 0)
    disk.mount(option)
    disk.shell("ls -l > /dev/null; cat f* g* > /dev/null")
    disk.unmount()
    disk.expectClean()
  }

  @Test(arguments: options)
  func `SIGTERM during requests ends the server, and its users get an error`(option: String) throws {
    let disk = try mounted(option)
    let load = startLoad(on: disk, "dd if=/dev/zero of=f$i bs=1M count=3 oflag=direct status=none")
    HostClock.sleep(nanoseconds: 400_000_000)
    _ = Glibc.kill(disk.process, SIGTERM)
    #expect(disk.waitForExit() == 0)
    #expect(Command.wait(for: load) == 0)
    disk.expectClean()
  }

  @Test(arguments: options)
  func `a caller that is killed while its request is served leaves, and the server goes on`(option: String)
    throws
  {
    let disk = try mounted(option)
    disk.shell("head -c 1000000 /dev/urandom > f; sync f; sum < f > '\(disk.folder.path)/sum'")
    _ = Glibc.kill(disk.process, SIGSTOP)
    let readers = (0..<20).map { index in
      Command.spawn(
        "exec dd if='\(disk.mountPoint)/f' of=/dev/null bs=1M iflag=direct",
        outputPath: disk.folder.path + "/reader-\(index)")
    }
    HostClock.sleep(nanoseconds: 200_000_000)
    for reader in readers { _ = Glibc.kill(reader, SIGINT) }
    for reader in readers { _ = Glibc.kill(reader, SIGKILL) }
    HostClock.sleep(nanoseconds: 50_000_000)
    _ = Glibc.kill(disk.process, SIGCONT)
    for reader in readers { #expect(Command.wait(for: reader) >= 128) }
    disk.shell("sum < f | cmp - '\(disk.folder.path)/sum'")
    disk.unmount()
    disk.expectClean()
  }

  @Test func `'-o io_uring' is refused where the kernel does not have it`() {
    guard RingHost.refusal != nil else { return }
    let disk = MountedImage()
    let refused = Command.run("'\(MountedImage.program)' -f -o io_uring '\(disk.image)' '\(disk.mountPoint)'")
    #expect(refused.exitCode == 4)
    #expect(refused.output.contains("fuse.enable_uring") || refused.output.contains("6.14"))
  }
}
