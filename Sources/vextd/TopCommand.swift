import ArgumentParser
import Glibc
import Hypervisor

/// `vextd top`: what clients do, refreshed each second.
struct TopCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "top", abstract: "Shows what the clients of a running service do, until it is interrupted.")

  @OptionGroup var place: ControlCommand.Place

  @Option(help: "Seconds between two tables, 1 to 3600.")
  var interval = 1

  @Option(help: "Number of tables; endless unless given.")
  var count: Int?

  func validate() throws {
    guard (1...3600).contains(interval) else { throw ValidationError("--interval \(interval): 1 to 3600") }
    if let count, count < 1 { throw ValidationError("--count \(count): 1 or more") }
  }

  func run() throws {
    let isTerminal = isatty(STDOUT_FILENO) == 1
    var last = try snapshot()
    var left = count ?? .max
    while left > 0 {
      sleep(UInt32(interval))
      let now = try snapshot()
      // The cursor goes home, and what is below it is cleared.
      print((isTerminal ? "\u{1B}[H\u{1B}[2J" : "") + ServiceTable(from: last, to: now).text)
      fflush(nil)
      last = now
      left -= 1
    }
  }

  private func snapshot() throws -> VextServiceSnapshot {
    guard let snapshot = VextServiceSnapshot(text: try place.ask(.snapshot)) else {
      throw VextdFailure(
        description: "\(place.socket): the service's answer cannot be read: another version?")
    }
    return snapshot
  }
}
