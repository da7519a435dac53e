import Foundation
import Testing

extension DebianGuestTests {
  /// Debian's kernel as an ELF file, and at the limits of the boot protocol.
  struct KernelTests {
    private static var bzImage: String {
      get throws { "/boot/vmlinuz-" + (try VirtualHost.run("uname", "-r").trimmingCharacters(in: .newlines)) }
    }

    /// The kernel itself says how it was started: its PVH entry notes loader 0xB0, the boot protocol an unregistered one, 0xFF.
    @Test(arguments: [("its PVH note", [], 0xB0), ("its 64-bit entry", ["--without-pvh"], 0xFF)])
    func `Debian's vmlinux boots through its PVH note, and without that note at its 64-bit entry`(
      entry: String, options: [String], loader: Int
    ) throws {
      let folder = try TemporaryFolder()
      let kernel = folder.file("vmlinux")
      try VirtualHost.run([VirtualHost.vmlinux.path, try Self.bzImage, kernel] + options)
      let report = try GuestReport(
        ["-k", kernel, "-c", "1", "-m", "512"],
        script: "say loader \"$(cat /proc/sys/kernel/bootloader_type)\"; exit 6")
      #expect(try report.number("loader") == loader, "\(entry)")
      #expect(report.exitCode == 6)
    }

    @Test func `an initrd of 300 MB and a command line of 2,047 bytes reach the kernel whole`() throws {
      let folder = try TemporaryFolder()
      let tree = folder.file("tree")
      try VirtualHost.run(
        "sh", "-c",
        """
        set -e
        mkdir -p "$1/bin" "$1/proc" "$1/dev"
        cp /bin/busybox "$1/bin/busybox"
        printf '#!/bin/busybox sh\\n%s\\n' 'busybox mount -t proc proc /proc; busybox cat /proc/cmdline' \\
          'echo "@bytes=$(busybox wc -c < /filler)@"; echo "@end=$(busybox tail -c 12 /filler)@"; busybox poweroff -f' > "$1/init"
        chmod 755 "$1/init"
        truncate -s 300M "$1/filler"
        printf 'the last one' >> "$1/filler"
        cd "$1"
        find . | cpio --quiet -o -H newc > "$1.cpio"
        """, "sh", tree)
      let (start, end) = ("console=ttyS0 quiet panic=1 filler=", " last=word")
      let filler = String(repeating: "0123456789", count: 205).prefix(
        2047 - start.utf8.count - end.utf8.count)
      let parameters = start + filler + end
      let report = try GuestReport(
        LkvmProcess([
          "run", "--nodefaults", "-k", try Self.bzImage, "-i", "\(tree).cpio", "-c", "1", "-m", "1G", "-p",
          parameters,
        ]))
      let words = report.console.replacing("\r", with: "")
      #expect(parameters.utf8.count == 2047)
      #expect(words.contains(parameters + "\n"), "\(words.suffix(4000))")
      #expect(words.contains("@bytes=\(300 << 20 + 12)@"))
      #expect(words.contains("@end=the last one@"))
      #expect(report.exitCode == 0)
    }

    @Test func `a guest with 64 vCPUs has all of them`() throws {
      let report = try GuestReport(["-c", "64", "-m", "1500"], script: "say cpus \"$(nproc)\"; exit 8")
      #expect(try report.number("cpus") == 64, "\(report.errors.suffix(2000))")
      #expect(report.exitCode == 8)
    }
  }
}
