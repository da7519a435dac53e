import ArgumentParser
import Testing

@testable import lkvm

/// The command lines of what is sent to running guests.
struct InstanceCommandTests {
  @Test func `guests are named, or all of them`() throws {
    #expect(try StopCommand.parse(["-n", "a", "--name", "b"]).instances.name == ["a", "b"])
    #expect(try PauseCommand.parse(["--all"]).instances.all)
    #expect(try ResumeCommand.parse(["-a"]).instances.all)
    #expect(try StatCommand.parse(["-m", "-n", "a"]).memory)
  }

  @Test(arguments: [[], ["-a", "-n", "x"], ["x"], ["-n"]])
  func `nobody, or all and some, is refused`(arguments: [String]) {
    #expect(throws: (any Error).self) { try StopCommand.parse(arguments) }
    #expect(throws: (any Error).self) { try PauseCommand.parse(arguments) }
    #expect(throws: (any Error).self) { try StatCommand.parse(arguments) }
  }

  @Test func `a balloon is inflated or deflated`() throws {
    #expect(try BalloonCommand.parse(["-n", "a", "-i", "10"]).inflate == 10)
    #expect(try BalloonCommand.parse(["-n", "a", "--deflate", "10"]).deflate == 10)
  }

  @Test(arguments: [
    [], ["-i", "1", "-d", "1"], ["-i", "0"], ["--inflate=-1"], ["-d", "x"], ["-i", "2147483648"],
  ])
  func `no amount, two or none at all is refused`(arguments: [String]) {
    #expect(throws: (any Error).self) { try BalloonCommand.parse(["-n", "a"] + arguments) }
  }

  @Test func `a guest is looked into or poked`() throws {
    #expect(try DebugCommand.parse(["-a", "-d"]).dump)
    #expect(try DebugCommand.parse(["-a", "-m", "3"]).nmi == 3)
    #expect(try DebugCommand.parse(["-a", "-s", "t"]).sysrq == "t")
  }

  @Test(arguments: [[], ["-s", ""], ["-s", "ab"], ["-s", "é"], ["--nmi=-1"], ["-m", "4294967296"]])
  func `a poke that is none is refused`(arguments: [String]) {
    #expect(throws: (any Error).self) { try DebugCommand.parse(["-n", "a"] + arguments) }
  }
}
