import Foundation
import Testing

extension DebianGuestTests {
  /// The guest's console on a terminal, and what is left of it at the end.
  struct ConsoleTests {
    private static let echo = "echo ready; while read line; do echo \"got <$line>\"; done"

    private static func shell(_ options: [String], on terminal: PseudoTerminal) throws -> LkvmProcess {
      let guest = try LkvmProcess(
        GuestReport.arguments(["-c", "1", "-m", "512"] + options, script: echo), terminal: terminal)
      try guest.wait(for: "ready", within: GuestReport.limit)
      return guest
    }

    @Test(arguments: ["serial", "virtio"])
    func `console input reaches the guest`(console: String) throws {
      let terminal = try PseudoTerminal()
      let guest = try Self.shell(["--console", console], on: terminal)
      #expect(terminal.isRaw)
      for line in ["hello", "two  words", String(repeating: "x", count: 200)] {
        try guest.type(line + "\r")
        try guest.wait(for: "got <\(line)>", within: .seconds(30))
      }
      // Ctrl-C is the guest's.
      try guest.type("\u{3}")
      #expect(try guest.waitForEnd(within: .seconds(60)) == 130)
      #expect(!terminal.isRaw)
    }

    @Test func `Ctrl-A x ends the guest and restores the terminal`() throws {
      let terminal = try PseudoTerminal()
      let guest = try LkvmProcess(["run", "-c", "1", "-m", "512"], terminal: terminal)
      try guest.wait(for: "Linux version", within: .seconds(60))
      #expect(terminal.isRaw)
      try guest.type("\u{1}x")
      #expect(try guest.waitForEnd(within: .seconds(30)) == 0)
      #expect(!terminal.isRaw)
    }

    /// All of it is sent and ended long before the guest reads, and less than a pipe holds.
    @Test(arguments: ["serial", "virtio"])
    func `what is piped into a command reaches it unchanged, and so does its end`(console: String) throws {
      let folder = try TemporaryFolder()
      _ = try folder.image("input", mebibytes: 1)
      let input = try folder.bytes("input", count: 50_000) + Data([0x03, 0x04, 0x0F, 0x10, 0x11, 0x13, 0x7F])
      try input.write(to: URL(filePath: folder.file("sent")))
      let guest = try LkvmProcess(
        ["run", "-c", "1", "-m", "512", "--params", "quiet", "--console", console, "--", "cksum"])
      try guest.send(input)
      try guest.endInput()
      let report = try GuestReport(guest)
      let expected = try VirtualHost.run("sh", "-c", "cksum < \(folder.file("sent"))")
      #expect(
        report.console.contains(expected.trimmingCharacters(in: .newlines)), "\(report.console.suffix(2000))")
      #expect(report.exitCode == 0)
    }

    @Test func `cat prints a line that has no end, and ends with its input`() throws {
      let guest = try LkvmProcess(["run", "-c", "1", "-m", "512", "--params", "quiet", "--", "cat"])
      try guest.send(Data("first\nlast".utf8))
      try guest.endInput()
      let report = try GuestReport(guest)
      // The kernel may say goodbye behind it.
      #expect(report.console.contains("first\nlast"))
      #expect(report.exitCode == 0)
    }
  }
}
