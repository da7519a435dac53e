import ArgumentParser
import Foundation
import HostSystem
import Logging

/// The command line of the fuzzer.
@main
struct FuzzCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fuzz", abstract: "Feeds devices what no driver would send, for a bounded time.",
    discussion: """
      An input is a string of bytes that a target makes its decisions from; a seed names a sequence of them. Each \
      input is in a file before it is run, so that one that ends the process can be replayed.
      """)

  @Argument(help: "\(TargetName.allCases.map(\.rawValue).joined(separator: ", ")), or all of them.")
  var target: TargetChoice

  @Option(help: "How long, for all targets together.")
  var seconds: Double = 10

  @Option(help: "Names the sequence of inputs; from the clock unless given.")
  var seed: UInt64?

  @Option(help: ArgumentHelp("Runs this one input and nothing else.", valueName: "file"))
  var replay: String?

  @Option(help: ArgumentHelp("Where the input under way is kept.", valueName: "directory"))
  var artifacts: String = "/tmp/vext-fuzz"

  func validate() throws {
    guard seconds > 0, seconds <= 1_000_000 else { throw ValidationError("--seconds must be more than 0") }
    if replay != nil, target == .all { throw ValidationError("--replay needs the name of one target") }
  }

  func run() throws {
    // What devices log of a hostile guest is right and of no interest here.
    LoggingSystem.bootstrap { _ in SwiftLogNoOpLogHandler() }
    let runner = FuzzRunner(seed: seed ?? HostClock.realtimeNanoseconds(), artifacts: artifacts)
    if let replay, case .one(let name) = target {
      let bytes = try Data(contentsOf: URL(fileURLWithPath: replay))
      try runner.replay(name, [UInt8](bytes))
      return
    }
    let names = target.names
    for name in names { try runner.run(name, seconds: seconds / Double(names.count)) }
  }
}

/// One target, or all.
enum TargetChoice: ExpressibleByArgument, Equatable {
  case one(TargetName)
  case all

  init?(argument: String) {
    if argument == "all" {
      self = .all
    } else if let name = TargetName(rawValue: argument) {
      self = .one(name)
    } else {
      return nil
    }
  }

  var names: [TargetName] {
    switch self {
    case .one(let name): [name]
    case .all: TargetName.allCases
    }
  }

  static var allValueStrings: [String] { TargetName.allCases.map(\.rawValue) + ["all"] }
}
