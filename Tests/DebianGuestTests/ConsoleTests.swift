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
    func `what is typed at the console reaches the guest`(console: String) throws {
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
  }
}
