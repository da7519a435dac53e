import Foundation
import Testing

extension DebianGuestTests {
  /// `--vfio-pci`: devices of the virtual host behind its IOMMU, driven by guests.
  @Suite(
    .enabled(
      if: VirtualHost.hasHostDevices, "the virtual host has no devices to pass on: scripts/testbed --vfio"))
  struct HostDeviceTests {
    /// The address of the first PCI function of the virtual host with `id`, such as 1234:11e8.
    private static func address(_ id: String) throws -> String {
      let found = try VirtualHost.run(
        "sh", "-ec",
        """
        for f in /sys/bus/pci/devices/*; do
          v=$(cat $f/vendor) d=$(cat $f/device)
          [ "${v#0x}:${d#0x}" = "$1" ] && basename $f && exit
        done
        exit 1
        """, "sh", id)
      return found.trimmingCharacters(in: .newlines)
    }

    /// Gives a device to a driver of the virtual host; without a name to the one that knows it.
    private static func bind(_ address: String, to driver: String) throws {
      try VirtualHost.run(
        "sh", "-ec",
        """
        d=/sys/bus/pci/devices/$1
        echo "$2" > $d/driver_override
        [ ! -e $d/driver ] || echo "$1" > $d/driver/unbind
        echo "$1" > /sys/bus/pci/drivers_probe
        """, "sh", address, driver)
    }

    /// Runs `body` with the address of the device `id` while VFIO has it.
    private static func withDevice<Value>(_ id: String, _ body: (String) throws -> Value) throws -> Value {
      let address = try Self.address(id)
      try VirtualHost.run("/sbin/modprobe", "vfio-pci")
      try bind(address, to: "vfio-pci")
      defer { _ = try? bind(address, to: "") }
      return try body(address)
    }

    /// Emulated by QEMU.
    private static let (nvme, edu) = ("1b36:0010", "1234:11e8")

    /// Runs `script` on the host while its own driver has the NVMe disk, with the disk as `$disk`.
    private static func onHostsDisk(_ script: String) throws -> String {
      try VirtualHost.run("/sbin/modprobe", "nvme")
      try bind(address(nvme), to: "")
      return try VirtualHost.run(
        "bash", "-ec",
        """
        disk=/dev/nvme0n1
        for i in $(seq 300); do [ -b $disk ] && break; sleep 0.1; done
        \(script)
        """
      ).trimmingCharacters(in: .newlines)
    }

    /// MSI-X, and the interrupt line where the guest uses no messages.
    @Test(arguments: [("quiet", "msix"), ("pci=nomsi", "none")])
    func `a guest reads and writes an NVMe disk by DMA, and the host finds what it wrote`(
      parameter: String, kind: String
    ) throws {
      let before = try Self.onHostsDisk(
        """
        dd if=/dev/urandom of=$disk bs=1M count=16 oflag=direct 2> /dev/null
        dd if=$disk bs=1M count=16 iflag=direct 2> /dev/null | sha256sum
        """)
      let report = try Self.withDevice(Self.nvme) { address in
        try GuestReport(
          ["-c", "2", "-m", "512", "-p", parameter, "--vfio-pci", address],
          script: """
            modprobe nvme
            disk=/dev/nvme0n1
            for i in $(seq 600); do [ -b $disk ] && break; sleep 0.1; done
            say sum "$(dd if=$disk bs=1M count=16 iflag=direct 2> /dev/null | sha256sum)"
            cd /tmp
            fio --name=verify --filename=$disk --offset=32m --size=8m --rw=randwrite --bs=16k --direct=1 --ioengine=libaio \\
              --iodepth=16 --verify=crc32c --do_verify=1 --verify_fatal=1 > fio.out 2>&1
            say fio "$?"
            dd if=/dev/urandom of=new bs=1M count=16 2> /dev/null
            dd if=new of=$disk bs=1M oflag=direct 2> /dev/null
            say written "$(sha256sum < new)"
            for f in /sys/bus/pci/devices/*; do [ "$(cat $f/device)" = 0x0010 ] && d=$f; done
            say kind "$(cat $d/msi_irqs/* 2> /dev/null | sort -u | grep . || echo none)"
            say interrupts "$(awk '/nvme0q/ { sum += $2 + $3 } END { print sum + 0 }' /proc/interrupts)"
            """)
      }
      #expect(report.exitCode == 0, "\(report.errors)")
      #expect(try report.value("sum") == before, "\(report.console.suffix(3000)) \(report.errors)")
      #expect(try report.number("fio") == 0, "\(report.console.suffix(3000))")
      #expect(try report.value("kind") == kind)
      #expect(try report.number("interrupts") > 0)
      #expect(report.errors.isEmpty, "\(report.errors)")
      let after = try Self.onHostsDisk("dd if=$disk bs=1M count=16 iflag=direct 2> /dev/null | sha256sum")
      #expect(try report.value("written") == after)
    }

    @Test func `a guest drives registers, DMA and the interrupt line of a device without a driver`() throws {
      let report = try Self.withDevice(Self.edu) { address in
        try GuestReport(
          ["-c", "2", "-m", "256", "--vfio-pci", address],
          script: """
            for f in /sys/bus/pci/devices/*; do [ "$(cat $f/vendor)" = 0x1234 ] && d=$f; done
            modprobe uio_pci_generic
            echo 1234 11e8 > /sys/bus/pci/drivers/uio_pci_generic/new_id
            say answer "$(python3 - $d << 'END'
            import ctypes, mmap, os, struct, sys, time
            folder = sys.argv[1]
            config = os.open(folder + "/config", os.O_RDWR)
            bar = mmap.mmap(os.open(folder + "/resource0", os.O_RDWR | os.O_SYNC), 1 << 20)
            def register(offset, kind=ctypes.c_uint32): return kind.from_buffer(bar, offset)
            def command(value): os.pwrite(config, struct.pack("<H", value), 4)
            command(6)
            words = ["%x" % register(0).value]
            register(4).value = 0x12345678
            words.append("%x" % register(4).value)
            # The device takes a transfer that ends with its buffer of 4096 bytes for one beyond it, and ends QEMU.
            size = 4088
            # Two pages that stay where they are, and their guest-physical addresses.
            memory = mmap.mmap(-1, 8192, mmap.MAP_SHARED | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE)
            start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
            def physical(address):
                with open("/proc/self/pagemap", "rb") as file:
                    file.seek(address // 4096 * 8)
                    return (struct.unpack("<Q", file.read(8))[0] & (1 << 55) - 1) * 4096
            def transfer(source, target, direction):
                register(0x80, ctypes.c_uint64).value = source
                register(0x88, ctypes.c_uint64).value = target
                register(0x90, ctypes.c_uint64).value = size
                register(0x98, ctypes.c_uint64).value = 1 | direction
                end = time.time() + 60
                while register(0x98, ctypes.c_uint64).value & 1 and time.time() < end: time.sleep(0.01)
            memory[:size] = os.urandom(size)
            transfer(physical(start), 0x40000, 0)
            transfer(0x40000, physical(start + 4096), 2)
            words.append("same" if memory[:size] == memory[4096:4096 + size] else "different")
            # Without the right to access memory the device reads nothing.
            memory[4096:] = bytes(4096)
            command(2)
            transfer(0x40000, physical(start + 4096), 2)
            words.append("untouched" if memory[4096:] == bytes(4096) else "written")
            uio = os.open("/dev/uio0", os.O_RDWR)
            for count in (1, 2, 3):
                command(6)
                register(0x60).value = count
                words.append(str(struct.unpack("<I", os.read(uio, 4))[0]))
                words.append(str(register(0x24).value))
                register(0x64).value = count
            print("-".join(words))
            END
            )"
            """)
      }
      #expect(
        try report.value("answer") == "10000ed-edcba987-same-untouched-1-1-2-2-3-3",
        "\(report.console.suffix(3000)) \(report.errors)")
      #expect(report.errors.isEmpty, "\(report.errors)")
    }

    @Test func `a guest moves a BAR and turns it off while another vCPU reads it`() throws {
      let report = try Self.withDevice(Self.edu) { address in
        try GuestReport(
          ["-c", "2", "-m", "256", "--vfio-pci", address],
          script: """
            for f in /sys/bus/pci/devices/*; do [ "$(cat $f/vendor)" = 0x1234 ] && d=$f; done
            say answer "$(python3 - $d << 'END'
            import ctypes, mmap, os, random, struct, sys, threading
            folder = sys.argv[1]
            config = os.open(folder + "/config", os.O_RDWR)
            bar = mmap.mmap(os.open(folder + "/resource0", os.O_RDWR | os.O_SYNC), 1 << 20)
            identity = ctypes.c_uint32.from_buffer(bar, 0)
            home = os.pread(config, 4, 16)
            os.pwrite(config, struct.pack("<H", 6), 4)
            ends = False
            def use():
                while not ends: identity.value
            user = threading.Thread(target=use)
            user.start()
            numbers = random.Random(1)
            places = [0, 0x100000, 0xC0000000, 0xC1000000, 0xD0000000, 0xE0000000, 0xFEB00000]
            for round in range(200):
                kind = numbers.randrange(4)
                if kind == 0: os.pwrite(config, struct.pack("<H", numbers.randrange(8)), 4)
                elif kind == 1: os.pwrite(config, struct.pack("<I", numbers.choice(places)), 16)
                else: os.pwrite(config, bytes([numbers.randrange(256)]), numbers.randrange(64, 256))
            ends = True
            user.join()
            os.pwrite(config, home, 16)
            os.pwrite(config, struct.pack("<H", 6), 4)
            print("%x" % identity.value)
            END
            )"
            """)
      }
      #expect(
        try report.value("answer") == "10000ed", "\(report.console.suffix(3000)) \(report.errors)")
      #expect(report.exitCode == 0, "\(report.errors)")
    }

    @Test func `a device that the host uses, or that is not there, is refused with the way out`() throws {
      let address = try Self.address(Self.nvme)
      try VirtualHost.run("/sbin/modprobe", "nvme")
      try Self.bind(address, to: "")
      let used = try GuestReport(["--vfio-pci", address], script: "true")
      #expect(used.exitCode == 1)
      #expect(used.errors.hasPrefix("lkvm: error: --vfio-pci: \(address) belongs to the host's driver nvme"))
      let missing = try GuestReport(["--vfio-pci", "00:1d.5"], script: "true")
      #expect(missing.exitCode == 1)
      #expect(missing.errors.contains("--vfio-pci: 0000:00:1d.5: the host has no such PCI function"))
      let balloon = try GuestReport(["--vfio-pci", address, "--balloon"], script: "true")
      #expect(balloon.exitCode == 64)
      #expect(balloon.errors.contains("leave out --balloon"))
    }
  }
}
