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
      /// The CPU time that lkvm's I/O threads needed while the guest was idle for two seconds.
      let idleTicks: Int

      init() throws {
        let folder = try TemporaryFolder()
        let image = try folder.image("disk", mebibytes: 128)
        let second = try folder.image("second", mebibytes: 16)
        let driver = try VirtualHost.blockDriver
        let script = """
          io=/host\(VirtualHost.vextIO.path(percentEncoded: false))
          driver=/host\(driver)
          load() { insmod "$driver" "$@" && say "load$1" 0 || say "load$1" $?; }
          devices() { ls /dev | grep -c '^vext[0-9]*$'; }
          interrupts() { awk '/vext0-/ { sum += $2 + $3 } END { print sum + 0 }' /proc/interrupts; }
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
          before=$(interrupts)
          say idle yes
          read answer
          say idle-interrupts "$(($(interrupts) - before))"
          dd if=/dev/vext0 of=/dev/null bs=4k count=64 iflag=direct 2> /dev/null
          say busy-interrupts "$(($(interrupts) - before))"
          blkdiscard --zeroout -o 0 -l 1M /dev/vext0; say zeroed "$?"
          say zeroes "$(head -c 1M /dev/vext0 | tr -d '\\0' | wc -c)"
          blkdiscard -o 1M -l 2M /dev/vext0; say discarded "$?"
          dd if=/dev/zero of=/dev/vext1 bs=4k count=1 oflag=direct 2> /tmp/out; say refused "$?"
          rmmod vext; say removed "$(devices)"
          load poll_queues=1
          before=$(interrupts)
          fio --name=polled --filename=/dev/vext0 --rw=randread --bs=4k --size=32m --io_size=4m --direct=1 --ioengine=io_uring \\
            --hipri --iodepth=8 > /tmp/out 2>&1; say polled "$?"
          say polled-interrupts "$(($(interrupts) - before))"
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
          exit 0
          """
        let guest = try LkvmProcess(
          GuestReport.arguments(
            [
              "--name", "drv", "-c", "2", "-m", "512", "-n", "mode=none", "--vext", "\(image),queues=4",
              "--vext", "\(second),ro",
            ],
            script: script))
        try guest.wait(for: "@written=yes@", within: GuestReport.limit)
        arrived =
          try folder.bytes("disk", from: 100 << 20, count: 1 << 20) == Data(repeating: 0x78, count: 1 << 20)
        try guest.type("\n")
        try guest.wait(for: "@idle=yes@", within: GuestReport.limit)
        Thread.sleep(forTimeInterval: 0.5)
        let ticks = try Self.ioThreadTicks(of: guest.identifier)
        Thread.sleep(forTimeInterval: 2)
        idleTicks = try Self.ioThreadTicks(of: guest.identifier) - ticks
        try guest.type("\n")
        try guest.wait(for: "@ready=yes@", within: GuestReport.limit)
        try FileHandle(forWritingTo: URL(filePath: image)).truncate(atOffset: 64 << 20)
        try guest.type("\n")
        report = try GuestReport(guest)
      }

      /// User and system time of the threads of process `identifier` that serve vext disks, in ticks of 10 ms.
      private static func ioThreadTicks(of identifier: Int32) throws -> Int {
        let stats = try VirtualHost.run("sh", "-c", "cat /proc/\(identifier)/task/*/stat")
        let threads = stats.split(separator: "\n").filter { $0.contains("(drv-vext)") }
        try #require(!threads.isEmpty, "no thread of lkvm is called drv-vext: \(stats)")
        // The fields behind the name begin with the state, which is the third.
        return try threads.reduce(0) { sum, line in
          let fields = try #require(line.split(separator: ")").last).split(separator: " ")
          return sum + (Int(fields[11]) ?? 0) + (Int(fields[12]) ?? 0)
        }
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

    @Test func `while the guest is idle neither side wakes up, and a request wakes both`() throws {
      let session = try Self.session.get()
      #expect(try session.report.number("idle-interrupts") == 0)
      #expect(try session.report.number("busy-interrupts") >= 64)
      // A thread that polls needs 200.
      #expect(session.idleTicks < 20)
    }

    @Test func `a disk under load survives 20 hot unbinds, and another disk does not notice`() throws {
      let folder = try TemporaryFolder()
      let images = try ["first", "second"].map { try folder.image($0, mebibytes: 64) }
      let driver = try VirtualHost.blockDriver
      let script = """
        insmod /host\(driver); say loaded "$?"
        function=$(basename "$(readlink -f /sys/block/vext0/device)")
        cd /sys/bus/pci/drivers/vext
        fio --name=other --filename=/dev/vext1 --rw=randwrite --bs=4k --size=32m --io_size=512m --direct=1 \
          --ioengine=libaio --iodepth=4 --runtime=20 --time_based --verify=crc32c --verify_fatal=1 > /tmp/other 2>&1 &
        other=$!
        for round in $(seq 1 20); do
          # Without nocreat, dd would make a file in the place of the device that is gone.
          dd if=/dev/vext0 of=/dev/null bs=64k iflag=direct 2> /dev/null & reader=$!
          dd if=/dev/zero of=/dev/vext0 bs=16k seek=2048 oflag=direct conv=nocreat 2> /dev/null & writer=$!
          [ $((round % 2)) = 0 ] || sleep 0.0$((round % 10))
          echo "$function" > unbind || say unbind failed
          wait $reader $writer
          echo "$function" > bind || say bind failed
          [ -b /dev/vext0 ] || say round $round
        done
        say rounds "$round"
        dd if=/dev/vext0 of=/dev/null bs=1M iflag=direct 2> /dev/null; say read "$?"
        wait $other; say other "$?"
        cd /; rmmod vext; say removed "$?"
        # A vCPU that the emulated host's scheduler kept waiting is a soft lockup.
        say warnings "$(dmesg | grep -v 'soft lockup' | grep -A 4 -E 'BUG:|cut here|Oops|blocked for more')"
        exit 0
        """
      let report = try GuestReport(
        [
          "-c", "2", "-m", "512", "-n", "mode=none", "--vext", "\(images[0]),queues=2", "--vext",
          "\(images[1]),queues=2",
        ], script: script, within: .seconds(400))
      #expect(try report.number("rounds") == 20)
      #expect(try report.value("warnings") == "")
      for name in ["loaded", "read", "other", "removed"] {
        #expect(try report.number(name) == 0, "\(name)")
      }
      for name in ["@unbind=", "@bind=", "@round="] { #expect(!report.console.contains(name)) }
    }

    @Test func `random operations on the device and on a file of its ext4 read back what was written`() throws
    {
      let folder = try TemporaryFolder()
      let image = try folder.image("disk", mebibytes: 64)
      let script = """
        insmod /host\(try VirtualHost.blockDriver) queue_depth=32; say loaded "$?"
        exercise() { python3 -S -E /host\(VirtualHost.fileExerciser.path) "$@" > /tmp/out 2>&1; }
        exercise /dev/vext0 $((16 << 20)) 1000 1; say device "$? $(cat /tmp/out)"
        mkfs.ext4 -q -b 4096 /dev/vext0 && mkdir /tmp/m && mount -o discard /dev/vext0 /tmp/m
        exercise /tmp/m/file 8000000 1000 2; say file "$? $(cat /tmp/out)"
        umount /tmp/m; e2fsck -fn /dev/vext0 > /tmp/out 2>&1; say sound "$?"
        rmmod vext; say removed "$?"
        exit 0
        """
      let report = try GuestReport(
        ["-c", "2", "-m", "512", "-n", "mode=none", "--vext", "\(image),queues=2"], script: script)
      for name in ["device", "file"] { #expect(try report.value(name) == "0 ") }
      for name in ["loaded", "sound", "removed"] { #expect(try report.number(name) == 0, "\(name)") }
      try VirtualHost.run("e2fsck", "-f", "-n", image)
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

    @Test func `a failure of the host's storage is EIO`() throws {
      let report = try Self.session.get().report
      #expect(try report.number("cut") != 0)
      #expect(try report.number("rest") == 0)
      #expect(report.exitCode == 0)
    }
  }
}
