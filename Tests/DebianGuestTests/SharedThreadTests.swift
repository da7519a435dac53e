import Foundation
import HostSystem
import Hypervisor
import Testing

extension DebianGuestTests {
  /// Two machines in one process, both with a mount by fuse-vext, and one I/O thread for both.
  struct SharedThreadTests {
    /// Mounts the disk; fio writes, reads back and compares.
    private static func script(_ rest: String) -> String {
      """
      echo 16 > /proc/sys/vm/nr_hugepages
      mkdir /tmp/v
      /host\(VirtualHost.fuseVext.path(percentEncoded: false)) --device vext /tmp/v || say mount failed
      run() {
        fio --name=verify --directory=/tmp/v --rw=randwrite --bs=4k --size=1m --numjobs=2 --ioengine=psync \\
          --verify=crc32c --do_verify=1 --verify_fatal=1 --end_fsync=1 --group_reporting > /tmp/fio 2>&1
      }
      \(rest)
      """
    }

    @Test func `a guest that is killed leaves the run of the other one on the same I/O thread whole`() throws
    {
      let folder = try TemporaryFolder()
      let images = try ["victim", "survivor"].map { try folder.image($0, mebibytes: 64, zeroes: true) }
      for image in images { try VirtualHost.run("mkfs.ext4", "-q", "-F", image) }
      let thread = try IOThread(name: "t3-shared", cpus: nil, waiting: .polling, engine: .libaio)
      defer { thread.stop() }
      let victim = try InProcessGuest(
        "victim", images: [images[0]], folder: folder, thread: thread,
        script: Self.script("while run; do say round yes; done; say failed \"$(cat /tmp/fio)\""))
      let survivor = try InProcessGuest(
        "survivor", images: [images[1]], folder: folder, thread: thread,
        script: Self.script(
          """
          say up yes
          until [ -e /tmp/v/stop ]; do
            run || { say failed "$(cat /tmp/fio)"; break; }
            rounds=$((rounds + 1))
            say round $rounds
            [ $rounds -lt 4 ] || touch /tmp/v/stop
          done
          umount /tmp/v; say umount "$?"
          sleep 60
          """))
      try victim.wait(for: "@round=yes@", within: GuestReport.limit)
      try survivor.wait(for: "@up=yes@", within: GuestReport.limit)
      let roundsBefore = survivor.console.components(separatedBy: "@round=").count - 1
      victim.kill()
      try survivor.wait(for: "@umount=0@", within: GuestReport.limit)
      #expect(!survivor.console.contains("@failed="), "\(survivor.console.suffix(3000))")
      #expect(survivor.console.contains("@round=4@"))
      #expect(roundsBefore < 4, "the survivor had finished before the other guest was killed")
      survivor.kill()
      try VirtualHost.run("e2fsck", "-fn", images[1])
      // What was in flight when it was killed is repaired; 1 tells that something was.
      try VirtualHost.run("sh", "-c", "e2fsck -fy '\(images[0])' || [ $? -eq 1 ]")
    }
  }
}
