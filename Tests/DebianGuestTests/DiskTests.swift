import Foundation
import Testing

extension DebianGuestTests {
  /// virtio-blk.
  struct DiskTests {
    private static let discardedByteCount = 8 << 20
    private static let verify = """
      say queues "$(ls /sys/block/vda/mq | wc -l)"
      fio --name=verify --filename=/dev/vda --rw=randwrite --bs=4k --size=1m --offset_increment=1m --iodepth=16 \\
        --ioengine=libaio --direct=1 --verify=crc32c --do_verify=1 --verify_fatal=1 --numjobs=$jobs \\
        --group_reporting > /tmp/fio 2>&1
      say fio "$?"
      grep -q 'verify: bad' /tmp/fio && say bad "$(cat /tmp/fio)"
      """

    /// One guest with a disk for each claim.
    private struct Disks {
      let folder: TemporaryFolder
      let report: GuestReport
      /// Whether the image had the synced bytes while the guest still ran.
      let arrivedBySync: Bool

      init() throws {
        folder = try TemporaryFolder()
        let random = try folder.image("random", mebibytes: 8)
        let readOnly = try folder.image("read-only", mebibytes: 8)
        let fileSystem = try folder.image("file-system", mebibytes: 64, zeroes: true)
        let raw = try folder.image("raw", mebibytes: 32)
        let script = """
          jobs=1
          \(DiskTests.verify)
          dd if=/dev/zero of=/dev/vdb bs=4k count=1 conv=fsync > /dev/null 2>&1
          say write-to-read-only "$?"
          say is-read-only "$(cat /sys/block/vdb/ro)"
          mkfs.ext4 -q /dev/vdc && mkdir /tmp/mounted && mount -t ext4 /dev/vdc /tmp/mounted &&
            cp /bin/busybox /tmp/mounted/copy && umount /tmp/mounted
          say file-system "$?"
          blkdiscard --offset 0 --length \(DiskTests.discardedByteCount) /dev/vdd
          say discard "$?"
          dd if=/dev/vda of=/dev/vdd bs=64k count=16 seek=256 > /dev/null 2>&1
          sync
          say synced yes
          read answer
          exit 0
          """
        let guest = try LkvmProcess(
          GuestReport.arguments(
            [
              "-c", "1", "-m", "512", "--disk-queues", "1", "-d", random, "-d", "\(readOnly),ro", "-d",
              fileSystem,
              "-d", raw,
            ], script: script))
        try guest.wait(for: "@synced=yes@", within: GuestReport.limit)
        arrivedBySync =
          try folder.bytes("raw", from: 16 << 20, count: 1 << 20) == folder.bytes("random", count: 1 << 20)
        try guest.type("\n")
        report = try GuestReport(guest)
      }
    }
    private static let disks = Result { try Disks() }

    @Test func `random writes to one queue read back as written`() throws {
      let report = try Self.disks.get().report
      #expect(try report.value("queues") == "1")
      #expect(try report.value("fio") == "0", "\(report.console.suffix(3000))")
    }

    @Test func `random writes of four jobs to four queues read back as written`() throws {
      let folder = try TemporaryFolder()
      let image = try folder.image("disk", mebibytes: 16)
      let report = try GuestReport(
        ["-c", "4", "-m", "512", "--disk-queues", "4", "-d", image], script: "jobs=4\n" + Self.verify)
      #expect(try report.value("queues") == "4")
      #expect(try report.value("fio") == "0", "\(report.console.suffix(3000))")
    }

    @Test func `data that the guest synced are in the image`() throws {
      #expect(try Self.disks.get().arrivedBySync)
    }

    @Test func `a read-only disk refuses writes and stays as it is`() throws {
      let disks = try Self.disks.get()
      #expect(try disks.report.value("is-read-only") == "1")
      #expect(try disks.report.value("write-to-read-only") != "0")
      let pristine = try TemporaryFolder()
      _ = try pristine.image("read-only", mebibytes: 8)
      #expect(try disks.folder.bytes("read-only") == pristine.bytes("read-only"))
    }

    @Test func `discards of the guest free blocks on the host`() throws {
      let disks = try Self.disks.get()
      #expect(try disks.report.value("discard") == "0")
      #expect(try disks.folder.bytes("raw", count: Self.discardedByteCount).allSatisfy { $0 == 0 })
      let blockCount = try VirtualHost.run("stat", "--format=%b", disks.folder.file("raw"))
      // 512-byte blocks of a 32 MiB image with a hole of 8.
      #expect(try #require(Int(blockCount.dropLast())) <= 24 << 11)
    }

    @Test func `a file system that the guest made and unmounted is clean`() throws {
      let disks = try Self.disks.get()
      #expect(try disks.report.value("file-system") == "0", "\(disks.report.console.suffix(3000))")
      try VirtualHost.run("e2fsck", "-fn", disks.folder.file("file-system"))
      try VirtualHost.run(
        "debugfs", "-R", "dump /copy \(disks.folder.file("copy"))", disks.folder.file("file-system"))
      #expect(try disks.folder.bytes("copy") == Data(contentsOf: URL(filePath: "/bin/busybox")))
    }
  }
}
