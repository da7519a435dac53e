import Foundation
import Testing

extension DebianGuestTests {
  /// However a guest ends, lkvm ends with it, restores the terminal and leaves nothing behind.
  struct EndTests {
    private static func boot(_ name: String, on terminal: PseudoTerminal) throws -> LkvmProcess {
      let guest = try LkvmProcess(["run", "--name", name, "-c", "1", "-m", "512"], terminal: terminal)
      try guest.wait(for: "Linux version", within: .seconds(60))
      return guest
    }

    private static func socketExists(_ name: String) -> Bool {
      let home = ProcessInfo.processInfo.environment["HOME"] ?? ""
      return FileManager.default.fileExists(atPath: "\(home)/.lkvm/\(name).sock")
    }

    @Test(arguments: [SIGTERM, SIGINT, SIGHUP])
    func `a signal ends the guest cleanly`(number: Int32) throws {
      let terminal = try PseudoTerminal()
      let guest = try Self.boot("t3-signal", on: terminal)
      #expect(terminal.isRaw)
      #expect(Self.socketExists("t3-signal"))
      guest.signal(number)
      #expect(try guest.waitForEnd(within: .seconds(30)) == 128 + number)
      #expect(!terminal.isRaw)
      #expect(!Self.socketExists("t3-signal"))
    }

    @Test func `the socket of a killed lkvm is replaced`() throws {
      let killed = try Self.boot("t3-stale", on: PseudoTerminal())
      killed.signal(SIGKILL)
      #expect(try killed.waitForEnd(within: .seconds(30)) == -SIGKILL)
      #expect(Self.socketExists("t3-stale"))
      let next = try Self.boot("t3-stale", on: PseudoTerminal())
      next.signal(SIGTERM)
      _ = try next.waitForEnd(within: .seconds(30))
      #expect(!Self.socketExists("t3-stale"))
    }

    @Test func `a panic ends the guest with code 71`() throws {
      let report = try GuestReport(
        ["-c", "2", "-m", "512"], script: "echo c > /proc/sysrq-trigger; sleep 60")
      #expect(report.console.contains("Kernel panic"))
      #expect(report.exitCode == 71)
    }

    @Test func `a triple fault ends the guest with code 70`() throws {
      let report = try GuestReport(
        ["-c", "1", "-m", "512", "--params", "reboot=t"], script: "say up yes; busybox reboot -f; sleep 60")
      #expect(try report.value("up") == "yes")
      #expect(report.exitCode == 70)
    }

    @Test func `a kernel that panics prints its last line, and lkvm's own follows on one of its own`() throws
    {
      let guest = try LkvmProcess(
        [
          "-c", "exec \"$0\" \"$@\" 2>&1", VirtualHost.lkvm.path, "run", "-c", "1", "-m", "512", "--",
          "/bin/sh", "-c",
          "echo c > /proc/sysrq-trigger; sleep 60",
        ], program: URL(filePath: "/bin/sh"))
      let code = try guest.waitForEnd(within: GuestReport.limit)
      #expect(code == 71)
      let lines = guest.output.split(whereSeparator: \.isNewline).suffix(2)
      #expect(lines.first?.contains("Rebooting in 1 seconds") == true, "\(guest.output.suffix(2000))")
      #expect(lines.last == "lkvm: error: the guest's kernel panicked")
    }

    @Test func `an empty disk ends lkvm with code 70, and the disk is named`() throws {
      let folder = try TemporaryFolder()
      let disk = try folder.image("empty", mebibytes: 8, zeroes: true)
      let report = try GuestReport(LkvmProcess(["run", "-c", "1", "-m", "512", "-p", "quiet", "-d", disk]))
      #expect(report.exitCode == 70)
      #expect(report.console.contains("there is /dev/vda: no file system that is known here"))
      #expect(report.errors == "lkvm: error: the guest's system could not be started\n")
    }
  }
}
