import Foundation
import Testing

extension DebianGuestTests {
  /// Debian's kernels of the backports suite, which scripts/lib/guest/debian-kernels downloads.
  @Suite(.enabled(if: !VirtualHost.newerKernels.isEmpty, Comment(rawValue: VirtualHost.newerKernelsAbsence)))
  struct NewerKernelTests {
    @Test(arguments: [("[!t]-amd64", ""), ("-rt-amd64", "1")])
    func `Debian's kernel 6.12 boots with default options`(ending: String, realTime: String) throws {
      let folder = VirtualHost.newerKernels
      let path = try VirtualHost.run("sh", "-c", "ls \"$0\"/boot/vmlinuz-6.12.*\(ending)", folder)
      let kernel = path.trimmingCharacters(in: .newlines)
      // The kernel's modules are where an installed kernel has them, in a mount namespace of this guest's own.
      let script = "mount --bind \"$1/lib/modules\" /lib/modules && shift && exec \"$@\""
      let words = ["-m", "/bin/sh", "-c", script, "sh", folder, VirtualHost.lkvm.path]
      let report = try GuestReport(
        LkvmProcess(
          words
            + GuestReport.arguments(
              ["-k", kernel],
              script: """
                say release "$(uname -r)"
                say realtime "$(cat /sys/kernel/realtime 2> /dev/null)"
                exit 4
                """),
          program: URL(filePath: "/usr/bin/unshare")))
      #expect(try kernel.hasSuffix("/vmlinuz-\(report.value("release"))"))
      #expect(try report.value("realtime") == realTime)
      #expect(report.exitCode == 4)
    }
  }
}
