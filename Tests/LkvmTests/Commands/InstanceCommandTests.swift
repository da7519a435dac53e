import Hypervisor
import Testing

@testable import lkvm

/// The command lines of what is sent to running guests.
struct InstanceCommandTests {
  @Test func `guests are named, or all of them`() throws {
    let stop = try ParsedCommand.make(StopCommand.self, ["-n", "a", "--name", "b"])
    #expect(stop.settings.guests.names == ["a", "b"])
    #expect(try ParsedCommand.make(PauseCommand.self, ["--all"]).settings.guests.all)
    #expect(try ParsedCommand.make(ResumeCommand.self, ["-a"]).settings.guests.all)
    #expect(try ParsedCommand.make(StatCommand.self, ["-m", "-na"]).settings.guests.names == ["a"])
  }

  @Test func `all guests are all, even if names are given too`() throws {
    #expect(try ParsedCommand.make(StopCommand.self, ["-a", "-n", "x"]).settings.guests.all)
    #expect(try ParsedCommand.make(StopCommand.self, ["-gan", "x"]).settings.guests.all)
  }

  @Test(arguments: [[], ["x"], ["-n"], ["-n", ""], ["-a", "x"], ["-x"], ["-a", "--no-all"]])
  func `a command for no guest is refused`(arguments: [String]) {
    #expect(throws: LkvmFailure.self) { try ParsedCommand.make(StopCommand.self, arguments) }
    #expect(throws: LkvmFailure.self) { try ParsedCommand.make(PauseCommand.self, arguments) }
    #expect(throws: LkvmFailure.self) { try ParsedCommand.make(StatCommand.self, arguments) }
  }

  @Test(
    arguments: [
      (["-i", "10"], 10), (["--inflate=0x10"], 16), (["-i010"], 8), (["--deflate", "10"], -10), (["-d1"], -1),
      (["--def", "2147483647"], -2_147_483_647),
    ] as [([String], Int32)])
  func `a balloon is inflated or deflated`(arguments: [String], delta: Int32) throws {
    #expect(try ParsedCommand.make(BalloonCommand.self, ["-n", "a"] + arguments).deltaMiB == delta)
  }

  @Test(arguments: [
    [], ["-i", "1", "-d", "1"], ["-i", "0"], ["--inflate=-1"], ["-d", "x"], ["-i", "2147483648"], ["-i", ""],
    ["-i", "0x"], ["-i", "08"],
  ])
  func `a missing amount or two amounts are refused`(arguments: [String]) {
    #expect(throws: LkvmFailure.self) {
      try ParsedCommand.make(BalloonCommand.self, ["-n", "a"] + arguments)
    }
  }

  @Test(
    arguments: [
      (["-a", "-d"], ControlDebug(dumps: true)), (["-ad"], ControlDebug(dumps: true)),
      (["-a", "-m", "0x3"], ControlDebug(nmiVCPU: 3)), (["-as", "t"], ControlDebug(sysrqKey: 0x74)),
      (["-ast"], ControlDebug(sysrqKey: 0x74)), (["-a", "-s", "help"], ControlDebug(sysrqKey: 0x68)),
      (["-a", "-n", "x", "-d"], ControlDebug(dumps: true)),
    ] as [([String], ControlDebug)])
  func `a guest is dumped, interrupted or sent a system request`(
    arguments: [String], request: ControlDebug
  ) throws {
    let command = try ParsedCommand.make(DebugCommand.self, arguments)
    #expect(command.request == request)
    #expect(command.guests.all)
    #expect(!command.listsSysrqLetters)
  }

  @Test func `the letters of system requests are listed without a guest`() throws {
    #expect(try ParsedCommand.make(DebugCommand.self, ["-s", "help"]).listsSysrqLetters)
    #expect(throws: LkvmFailure.self) { try ParsedCommand.make(DebugCommand.self, ["-s", "t"]) }
  }

  @Test(arguments: [[], ["-s", ""], ["-s", "é"], ["-s", " "], ["--nmi=-1"], ["-m", "4294967296"]])
  func `a request that no guest takes is refused`(arguments: [String]) {
    #expect(throws: LkvmFailure.self) { try ParsedCommand.make(DebugCommand.self, ["-n", "a"] + arguments) }
  }
}
