import Foundation
import Testing

extension DebianGuestTests {
  /// The kernel reaches user space on machines of several shapes, and each machine ends as its command says.
  struct StartTests {
    private static let survey = """
      say cpus "$(nproc)"
      say memory "$(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo)"
      """
    private static let small = Result {
      try GuestReport(["-c", "2", "-m", "512"], script: survey + "\nexit 7")
    }

    @Test func `a guest with two vCPUs and 512 MiB reaches user space`() throws {
      let report = try Self.small.get()
      #expect(try report.value("cpus") == "2")
      #expect(try (400...512).contains(report.number("memory")))
    }

    @Test func `a command's exit code is lkvm's`() throws {
      #expect(try Self.small.get().exitCode == 7)
    }

    @Test func `poweroff in the shell of a guest with one vCPU ends lkvm with code 0`() throws {
      let report = try GuestReport(shell: ["-c", "1", "-m", "512"], Self.survey, "busybox poweroff -f")
      #expect(try report.value("cpus") == "1")
      #expect(report.exitCode == 0)
    }

    @Test func `a guest with 5 GiB around the PCI hole has them, and reboot ends lkvm with code 0`() throws {
      let report = try GuestReport(shell: ["-c", "2", "-m", "5G"], Self.survey, "busybox reboot -f")
      #expect(try report.value("cpus") == "2")
      #expect(try (4700...5120).contains(report.number("memory")))
      #expect(report.exitCode == 0)
    }

    @Test func `a command that switches its guest off has no exit code, and lkvm says so`() throws {
      let report = try GuestReport(["-c", "1", "-m", "512"], script: "busybox poweroff -f; sleep 60")
      #expect(report.exitCode == 70)
    }

    @Test func `arguments reach a command in a sandbox unchanged, and so does its exit code`() throws {
      let guest = try LkvmProcess([
        "sandbox", "-c", "1", "-m", "512", "--params", "quiet", "--", "/bin/sh", "-c",
        "printf '<%s>' \"$@\"; exit 42", "name", "two words", "", "a'b\"c",
      ])
      let report = try GuestReport(guest)
      #expect(report.console.contains("<two words><><a'b\"c>"))
      #expect(report.exitCode == 42)
    }

    private static let rootIdentifier = "6f9b2c1e-5a5d-4c0e-9c7e-0d3a1b2c4d5e"

    /// The root where nothing is said of it is the first disk; by its file system's name it is found behind another.
    @Test(arguments: [nil, "UUID=\(rootIdentifier.uppercased())", "LABEL=debian-root"])
    func `a disk's own system boots to its login prompt`(root name: String?) throws {
      let folder = try TemporaryFolder()
      let root = folder.file("root")
      try VirtualHost.run(
        "sh", "-c",
        """
        mkdir -p "$1/bin" "$1/sbin" "$1/etc" "$1/dev" "$1/proc" "$1/sys" && cp /bin/busybox "$1/bin/busybox" &&
        ln -s ../bin/busybox "$1/sbin/init" && echo debian-disk > "$1/etc/hostname" &&
        echo 'root::0:0:root:/:/bin/busybox' > "$1/etc/passwd" &&
        printf '::sysinit:/bin/busybox hostname debian-disk\n::respawn:/bin/busybox getty -L 115200 ttyS0 vt100\n' > "$1/etc/inittab" &&
        mke2fs -q -t ext4 -U "$2" -L debian-root -d "$1" "$1.ext4" 32m && mke2fs -q -t ext4 "$1.other" 8m
        """, "sh", root, Self.rootIdentifier)
      let disks = name == nil ? ["-d", "\(root).ext4"] : ["-d", "\(root).other", "-d", "\(root).ext4"]
      let parameters = name.map { ["-p", "root=\($0)"] } ?? []
      let terminal = try PseudoTerminal()
      let guest = try LkvmProcess(
        ["run", "-c", "1", "-m", "512", "-p", "quiet"] + parameters + disks, terminal: terminal)
      try guest.wait(for: "debian-disk login:", within: GuestReport.limit)
      try guest.type("\u{1}x")
      #expect(try guest.waitForEnd(within: .seconds(60)) == 0)
    }

    @Test(arguments: ["PARTUUID=1b5f3c2a-0d4e-4f6a-8b7c-9d0e1f2a3b4c", "PARTLABEL=the-root"])
    func `a partition that the command line names is the root, and the network is in the kernel's words`(
      root: String
    ) throws {
      let folder = try TemporaryFolder()
      let disk = folder.file("disk")
      try VirtualHost.run(
        "sh", "-c",
        """
        mkdir -p "$1.tree/bin" "$1.tree/sbin" "$1.tree/dev" "$1.tree/proc" "$1.tree/sys" "$1.tree/run" &&
        cp /bin/busybox "$1.tree/bin/busybox" && printf '#!/bin/busybox sh\\n%s\\n%s\\n' \\
          'busybox grep / /proc/mounts; busybox cat /proc/cmdline' 'busybox poweroff -f' > "$1.tree/sbin/init" &&
        chmod 755 "$1.tree/sbin/init" && truncate -s 64M "$1" && printf '%s\\n' 'label: gpt' 'start=2048,size=2048' \\
          'start=4096,size=65536,uuid=1b5f3c2a-0d4e-4f6a-8b7c-9d0e1f2a3b4c,name=the-root' | sfdisk -q "$1" &&
        mke2fs -q -t ext4 -d "$1.tree" -E offset=2097152 "$1" 32m
        """, "sh", disk)
      let report = try GuestReport(
        LkvmProcess(["run", "-c", "1", "-m", "512", "-p", "quiet root=\(root)", "-d", disk]))
      #expect(report.console.contains("/dev/vda2 / ext4"), "\(report.console.suffix(2000))")
      #expect(report.console.contains(" ip=dhcp "))
      #expect(report.exitCode == 0)
    }

    @Test func `the clock's alarm interrupts`() throws {
      let report = try GuestReport(
        ["-c", "1", "-m", "512"],
        script: """
          clock=/sys/class/rtc/rtc0
          echo $(($(cat $clock/since_epoch) + 2)) > $clock/wakealarm
          sleep 5
          say alarms "$(awk '/rtc0/ { print $2 }' /proc/interrupts)"
          say pending "$(cat $clock/wakealarm)"
          """)
      #expect(try report.number("alarms") > 0)
      #expect(try report.value("pending").isEmpty)
    }

    @Test func `memtest86+ starts, a kernel whose last paragraph is shorter`() throws {
      let guest = try LkvmProcess([
        "run", "-k", "/boot/memtest86+x64.bin", "-c", "1", "-m", "64", "--nodefaults", "-p",
        "console=ttyS0,115200",
      ])
      try guest.wait(for: "Memtest86+", within: .seconds(120))
      guest.signal(SIGTERM)
      #expect(try guest.waitForEnd(within: .seconds(30)) == 128 + SIGTERM)
    }

    /// A busy host is slow, but does not need a tenth of a CPU for a guest that sleeps.
    @Test func `a guest with a vext disk leaves the host's CPU alone while it is idle`() throws {
      let folder = try TemporaryFolder()
      let disk = try folder.image("vext", mebibytes: 8)
      let guest = try LkvmProcess(
        GuestReport.arguments(
          ["-c", "1", "-m", "512", "--vext", disk], script: "say idle yes; read answer; exit 5"))
      try guest.wait(for: "@idle=yes@", within: GuestReport.limit)
      let before = try Self.cpuTicks(of: guest.identifier, thread: "vext")
      Thread.sleep(forTimeInterval: 5)
      // 100 ticks a second.
      #expect(try Self.cpuTicks(of: guest.identifier, thread: "vext") - before < 50)
      try guest.type("\n")
      #expect(try guest.waitForEnd(within: .seconds(60)) == 5)
    }

    /// User and system time of the thread whose name ends so.
    private static func cpuTicks(of process: Int32, thread suffix: String) throws -> Int {
      let tasks = "/proc/\(process)/task"
      for task in try FileManager.default.contentsOfDirectory(atPath: tasks) {
        let status = try String(contentsOfFile: "\(tasks)/\(task)/stat", encoding: .utf8)
        let name = status.split(separator: ")")[0]
        guard name.hasSuffix("-\(suffix)"), let end = status.lastIndex(of: ")") else { continue }
        let fields = status[end...].split(separator: " ")
        return (Int(fields[12]) ?? 0) + (Int(fields[13]) ?? 0)
      }
      throw TestFailure("no thread's name ends in -\(suffix)")
    }
  }
}
