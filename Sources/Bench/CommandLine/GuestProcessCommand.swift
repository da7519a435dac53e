import ArgumentParser
import Foundation
import HostSystem
import Hypervisor

/// `bench guest-process FILE`: one micro guest of a run of another bench, in a process of its own (``GuestProcessProgram``).
struct GuestProcessCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "guest-process", abstract: "Runs one guest for another bench.", shouldDisplay: false)

  @Argument(help: "The plan's file.")
  var path: String

  /// How often the guest is checked while nothing is asked.
  private static let pauseMilliseconds: Int32 = 200

  func run() throws {
    let plan = try JSONDecoder().decode(
      GuestProcessPlan.self, from: Data(contentsOf: URL(filePath: path)))
    let guest = try plan.makeGuest()
    defer { guest.shutDown() }
    guard let descriptor = guest.memory.sharedDescriptor else {
      throw BenchFailure("the guest's memory is not shared", exitCode: .general)
    }
    try StandardOutput.writeLine("ready \(descriptor) \(guest.tscKilohertz)")
    let poll = try EventPoll()
    try poll.add(descriptor: FileHandle.standardInput.fileDescriptor, token: 0)
    var events = EventBuffer(capacity: 1)
    while true {
      if try poll.wait(timeoutMilliseconds: Self.pauseMilliseconds, into: &events) == 0 {
        if guest.machine.hasEnded {
          throw BenchFailure(guest.machine.badEnd() ?? "the machine ended", exitCode: .general)
        }
        continue
      }
      switch readLine() {
      case "run"?:
        try guest.machine.start()
        try StandardOutput.writeLine("running")
      case "pause"?:
        try guest.machine.pause()
        try StandardOutput.writeLine("paused")
      case nil: return
      case let line?: throw BenchFailure("'\(line)' is not a request", exitCode: .usage)
      }
    }
  }
}
