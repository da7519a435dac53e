import Foundation
import Testing

extension DebianGuestTests {
  /// Where guest memory comes from. The virtual host's settings are changed, so the tests run one after the other.
  @Suite(.serialized) struct MemoryTests {
    private static func meminfo(_ name: String) throws -> Int {
      let text = try String(contentsOfFile: "/proc/meminfo", encoding: .utf8)
      guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("\(name):") }),
        let number = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
      else { throw TestFailure("no \(name) in /proc/meminfo") }
      return number
    }

    @Test func `memory of a hugetlbfs is reserved, used and given back, and too much of it is refused`()
      throws
    {
      let folder = try TemporaryFolder()
      let mount = folder.file("huge")
      try VirtualHost.run(
        "sh", "-c", "echo 300 > /proc/sys/vm/nr_hugepages; mkdir $0 && mount -t hugetlbfs none $0", mount)
      defer { _ = try? VirtualHost.run("sh", "-c", "umount $0; echo 0 > /proc/sys/vm/nr_hugepages", mount) }
      let free = try Self.meminfo("HugePages_Free")
      try #require(free >= 256)
      let guest = try LkvmProcess(
        GuestReport.arguments(
          ["-c", "1", "-m", "512", "--hugetlbfs", mount], script: "say up yes; read answer; exit 3"))
      try guest.wait(for: "@up=yes@", within: GuestReport.limit)
      // What is reserved counts as free until it is touched.
      #expect(try Self.meminfo("HugePages_Free") < free - 20)
      #expect(try free - Self.meminfo("HugePages_Free") + Self.meminfo("HugePages_Rsvd") == 256)
      #expect(try FileManager.default.contentsOfDirectory(atPath: mount).isEmpty)
      let second = try GuestReport(LkvmProcess(["run", "-c", "1", "-m", "512", "--hugetlbfs", mount]))
      #expect(second.exitCode == 1)
      #expect(
        second.errors.hasPrefix("lkvm: error: --hugetlbfs: \(mount): 512 MiB of huge pages are not free"))
      try guest.type("\n")
      #expect(try guest.waitForEnd(within: .seconds(60)) == 3)
      #expect(try Self.meminfo("HugePages_Free") == free)
    }

    private static func sharingPages() throws -> Int {
      let file = try FileHandle(forReadingFrom: URL(filePath: "/sys/kernel/mm/ksm/pages_sharing"))
      let text = String(decoding: try file.read(upToCount: 64) ?? Data(), as: UTF8.self)
      guard let count = Int(text.trimmingCharacters(in: .newlines)) else {
        throw TestFailure("pages_sharing is no number: \(text.debugDescription)")
      }
      return count
    }

    @Test func `with --ksm the host merges equal pages of a guest, and without it none`() throws {
      // 32 MiB of pages that are all alike and not empty.
      let script = "yes | head -c 32M > /tmp/alike; say filled yes; read answer; exit 3"
      let guests = try [["--ksm"], []].map {
        try LkvmProcess(GuestReport.arguments(["-c", "1", "-m", "512"] + $0, script: script))
      }
      for guest in guests { try guest.wait(for: "@filled=yes@", within: GuestReport.limit) }
      let before = try Self.sharingPages()
      // Only now: the host's thread takes a CPU from guests that start.
      try VirtualHost.run(
        "sh", "-c",
        "cd /sys/kernel/mm/ksm && echo 4000 > pages_to_scan && echo 20 > sleep_millisecs && echo 1 > run")
      defer { _ = try? VirtualHost.run("sh", "-c", "echo 2 > /sys/kernel/mm/ksm/run") }
      let alike = (32 << 20) / 4096
      try guests[0].wait("the host merged too few pages", within: .seconds(240)) {
        try Self.sharingPages() >= before + alike * 9 / 10
      }
      let merging = try guests.map {
        try String(contentsOfFile: "/proc/\($0.identifier)/ksm_merging_pages", encoding: .utf8)
      }
      #expect(merging[1] == "0\n")
      for guest in guests {
        try guest.type("\n")
        #expect(try guest.waitForEnd(within: .seconds(60)) == 3)
      }
    }

    /// The kernel's modules as other distributions have them, in the place of Debian's, whose depmod reads no .ko.gz.
    @Test(arguments: [("xz -T1 --check=crc32", "xz"), ("zstd -q --rm", "zst")])
    func `a guest starts with modules that are compressed`(command: String, suffix: String) throws {
      let folder = try TemporaryFolder()
      let script = """
        set -e
        release=$(uname -r); tree=$1/lib/modules/$release; mkdir -p "$tree"
        cd "/lib/modules/$release"
        cp --parents modules.builtin modules.order $(find . -name '*.ko' | grep -E \
          '/(virtio[a-z_]*|9p[a-z_]*|netfs|fscache|failover|net_failover|crc[a-z0-9_]*|fuse|pvpanic[a-z-]*)[.]ko$') "$tree"
        cd "$tree"
        find . -name '*.ko' -exec $2 {} +
        depmod -b "$1" "$release"
        grep -q "9p.ko.$3:" modules.dep
        mount --bind "$tree" "/lib/modules/$release"
        shift 3
        exec "$@"
        """
      let words = ["-m", "/bin/sh", "-c", script, "sh", folder.path, command, suffix, VirtualHost.lkvm.path]
      let report = try GuestReport(
        LkvmProcess(
          words + GuestReport.arguments(["-c", "1", "-m", "512"], script: "exit 9"),
          program: URL(filePath: "/usr/bin/unshare")))
      #expect(report.exitCode == 9, "\(report.errors.suffix(2000))\n\(report.console.suffix(2000))")
    }
  }
}
