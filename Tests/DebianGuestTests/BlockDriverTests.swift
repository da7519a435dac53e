import Foundation
import Testing

extension DebianGuestTests {
  /// The guest kernel's block driver for the vext queue, in an unmodified guest.
  struct BlockDriverTests {
    /// One guest in which everything happens, since a boot takes long.
    private struct Session {
      let report: GuestReport
      /// Whether the image had what the guest wrote and flushed, while the guest still ran.
      let arrived: Bool

      init() throws {
        let folder = try ScratchFolder()
        let image = try folder.image("disk", mebibytes: 128)
        let second = try folder.image("second", mebibytes: 16)
        let driver = try VirtualHost.blockDriver
        let script = """
          io=/host\(VirtualHost.vextIO.path(percentEncoded: false))
          driver=/host\(driver)
          load() { insmod "$driver" "$@" && say "load$1" 0 || say "load$1" $?; }
          devices() { ls /dev | grep -c '^vext[0-9]*$'; }
          load queue_depth=64
          say devices "$(devices)"
          say serial "$(cat /sys/block/vext0/serial)"
          say bytes "$(blockdev --getsize64 /dev/vext0)"
          say read-only "$(blockdev --getro /dev/vext0) $(blockdev --getro /dev/vext1)"
          say depth "$(cat /sys/block/vext0/queue/nr_requests)"
          say queues "$(ls /sys/block/vext0/mq | wc -l)"
          "$io" identify > /tmp/out 2>&1; say client "$?"; say client-said "$(cat /tmp/out)"
          mkdir /tmp/m
          mkfs.ext4 -q -b 4096 /dev/vext0 && mount -o discard /dev/vext0 /tmp/m
          fio --name=verify --directory=/tmp/m --rw=randwrite --bsrange=4k-512k --size=24m --direct=1 --ioengine=libaio \\
            --iodepth=16 --numjobs=2 --verify=crc32c --verify_fatal=1 > /tmp/out 2>&1; say verified "$?"
          rm /tmp/m/verify*; fstrim /tmp/m; say trimmed "$?"
          umount /tmp/m; e2fsck -fn /dev/vext0 > /tmp/out 2>&1; say sound "$?"
          head -c 1M /dev/zero | tr '\\0' x | dd of=/dev/vext0 bs=64k seek=1600 conv=fsync 2> /dev/null
          say written yes
          read answer
          blkdiscard --zeroout -o 0 -l 1M /dev/vext0; say zeroed "$?"
          say zeroes "$(head -c 1M /dev/vext0 | tr -d '\\0' | wc -c)"
          blkdiscard -o 1M -l 2M /dev/vext0; say discarded "$?"
          dd if=/dev/zero of=/dev/vext1 bs=4k count=1 oflag=direct 2> /tmp/out; say refused "$?"
          rmmod vext; say removed "$(devices)"
          load poll_queues=1
          before=$(awk '/vext0-/ { sum += $2 + $3 } END { print sum + 0 }' /proc/interrupts)
          fio --name=polled --filename=/dev/vext0 --rw=randread --bs=4k --size=32m --io_size=4m --direct=1 --ioengine=io_uring \\
            --hipri --iodepth=8 > /tmp/out 2>&1; say polled "$?"
          after=$(awk '/vext0-/ { sum += $2 + $3 } END { print sum + 0 }' /proc/interrupts)
          say polled-interrupts "$((after - before))"
          rmmod vext
          load spin_us=200
          fio --name=spun --filename=/dev/vext0 --rw=randwrite --bs=4k --offset=64m --size=8m --io_size=4m --direct=1 --ioengine=psync \\
            --verify=crc32c > /tmp/out 2>&1; say spun "$?"
          rmmod vext
          load
          say ready yes
          read answer
          dd if=/dev/vext0 of=/dev/null bs=4k skip=30000 count=1 iflag=direct 2> /dev/null; say cut "$?"
          dd if=/dev/vext0 of=/dev/null bs=1M count=1 iflag=direct 2> /dev/null; say rest "$?"
          rmmod vext
          "$io" identify > /tmp/out 2>&1; say client-again "$?"
          say warnings "$(dmesg | grep -cE 'BUG:|WARNING:|Oops|blocked for more')"
          exit 0
          """
        let guest = try LkvmProcess(
          GuestReport.arguments(
            [
              "-c", "2", "-m", "512", "-n", "mode=none", "--vext", "\(image),queues=4", "--vext",
              "\(second),ro",
            ],
            script: script))
        try guest.wait(for: "@written=yes@", within: GuestReport.limit)
        arrived =
          try folder.bytes("disk", from: 100 << 20, count: 1 << 20) == Data(repeating: 0x78, count: 1 << 20)
        try guest.type("\n")
        try guest.wait(for: "@ready=yes@", within: GuestReport.limit)
        try FileHandle(forWritingTo: URL(filePath: image)).truncate(atOffset: 64 << 20)
        try guest.type("\n")
        report = try GuestReport(guest)
      }
    }
    private static let session = Result { try Session() }

    @Test func `each disk is a block device with the limits of its vext function`() throws {
      let report = try Self.session.get().report
      #expect(try report.number("devices") == 2)
      #expect(try !report.value("serial").isEmpty)
      #expect(try report.number("bytes") == 128 << 20)
      #expect(try report.value("read-only") == "0 1")
      #expect(try report.number("depth") == 64)
      #expect(try report.number("queues") == 2)
      #expect(try report.number("refused") != 0)
    }

    @Test func `ext4 on the driver keeps what fio wrote and verified`() throws {
      let session = try Self.session.get()
      for name in ["verified", "trimmed", "sound", "zeroed", "zeroes", "discarded"] {
        #expect(try session.report.number(name) == 0, "\(name)")
      }
      #expect(session.arrived)
    }

    @Test func `polled I/O needs no interrupt`() throws {
      let report = try Self.session.get().report
      #expect(try report.number("polled") == 0)
      #expect(try report.number("polled-interrupts") <= 4)
      #expect(try report.number("spun") == 0)
    }

    @Test func `the driver and VextClient exclude each other`() throws {
      let report = try Self.session.get().report
      #expect(try report.number("client") == 1)
      #expect(try report.value("client-said").contains("driver vext"))
      #expect(try report.number("removed") == 0)
      #expect(try report.number("client-again") == 0)
    }

    @Test func `a failure of the host's storage is EIO, and the kernel warns of nothing`() throws {
      let report = try Self.session.get().report
      #expect(try report.number("cut") != 0)
      #expect(try report.number("rest") == 0)
      #expect(try report.number("warnings") == 0)
      #expect(report.exitCode == 0)
    }
  }
}
