import ArgumentParser
import Foundation

/// What is started for a boot: a build of bench with arguments and environment of its own.
struct ExperimentSide: Codable, Equatable, Sendable {
  /// The file of its rows, without `.csv`: `rows`, `a`, `b`.
  let name: String
  /// For the reader: a revision, or what the user wrote.
  let title: String
  /// The program's path.
  let program: String
  /// Size and time of the program, which differ after a rebuild.
  let programStamp: String
  /// Added to the environment.
  let environment: [String: String]
  /// Arguments of `bench run` after those of the cell, whose values they replace.
  let arguments: [String]

  /// The names in JSON.
  enum CodingKeys: String, CodingKey {
    case name, title, program, environment, arguments
    case programStamp = "program_stamp"
  }

  /// A side that starts `program`, which by default is this bench.
  ///
  /// - Throws: ``BenchFailure`` if there is no such program.
  init(
    name: String, title: String, program: String = Self.ownProgram, environment: [String: String] = [:],
    arguments: [String] = []
  ) throws {
    self.name = name
    self.title = title
    self.program = program
    self.environment = environment
    self.arguments = arguments
    programStamp = try Self.stamp(of: program)
  }

  /// This bench.
  static var ownProgram: String { URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().path }

  /// Checks that the program is the one that the experiment began with.
  func checkProgram() throws {
    guard try Self.stamp(of: program) == programStamp else {
      throw BenchFailure(
        "\(program) was rebuilt since the experiment began: rows of two builds must not mix",
        exitCode: .dataError)
    }
  }

  /// Options of which several add up: where a side gives one, the cell's does not count.
  private static let addedUp = ["--mode", "--vmm", "--fs"]

  /// The arguments of `bench run` for a cell with `arguments`, whose values the side's own replace.
  func arguments(beside arguments: [String]) -> [String] {
    func isOption(_ name: String, _ word: String) -> Bool { word == name || word.hasPrefix("\(name)=") }
    let replaced = Self.addedUp.filter { name in self.arguments.contains { isOption(name, $0) } }
    var kept: [String] = []
    var skipsValue = false
    for word in arguments {
      if skipsValue {
        skipsValue = false
      } else if let name = replaced.first(where: { isOption($0, word) }) {
        skipsValue = word == name
      } else {
        kept.append(word)
      }
    }
    return kept + self.arguments
  }

  /// Checks that every one of `cells` is a run of one mode under one VMM on this side, and that no two of them are the same run.
  ///
  /// - Throws: ``BenchFailure`` with the exit code of a wrong command line.
  func check(_ cells: [ScenarioCell]) throws {
    if let name = Self.optionOfTheWhole(in: self.arguments) {
      throw BenchFailure(
        "side \(self.name): \(name) has no effect there: it belongs to the whole, before the --",
        exitCode: .usage)
    }
    var seen: Set<[String]> = []
    for cell in cells {
      let arguments = arguments(beside: cell.arguments)
      func refuse(_ reason: String) -> BenchFailure {
        BenchFailure("side \(name): \(reason)", exitCode: .usage)
      }
      let command: RunCommand
      do {
        command = try RunCommand.parse(arguments)
      } catch {
        throw refuse(BenchCommand.firstLine(RunCommand.message(for: error)))
      }
      guard command.modeLists.flatMap(\.modes).count == 1 else {
        throw refuse("name one mode with --mode, on each side or behind --, or take a --scenario of several")
      }
      guard command.machines.vmms.count == 1 else {
        throw refuse("name one VMM with --vmm, on each side or behind --, or take a --scenario of several")
      }
      guard command.output == nil, !command.dryRun, !command.quiet else {
        throw refuse("--output, --dry-run and --quiet belong to the whole, before the --")
      }
      guard seen.insert(arguments).inserted else {
        throw refuse("its options make the scenario's cell '\(cell.title)' the same run as another cell")
      }
    }
  }

  /// The first option of `arguments` that says how the whole experiment is run, and that no side or cell has of its own.
  static func optionOfTheWhole(in arguments: [String]) -> String? {
    ["--repeat", "--seed"].first { name in
      arguments.contains { $0 == name || $0.hasPrefix("\(name)=") }
    }
  }

  private static func stamp(of program: String) throws -> String {
    guard FileManager.default.isExecutableFile(atPath: program),
      let attributes = try? FileManager.default.attributesOfItem(atPath: program),
      let size = attributes[.size] as? NSNumber, let date = attributes[.modificationDate] as? Date
    else { throw BenchFailure("\(program) cannot be started", exitCode: .unavailable) }
    return "\(size)-\(Int64(date.timeIntervalSince1970 * 1e6))"
  }

  /// The side that a user wrote: `NAME=VALUE` words for the environment, then arguments of `bench run`. Words are separated by
  /// spaces; quotes are not interpreted.
  init(name: String, written text: String) throws {
    let words = text.split(separator: " ").map(String.init)
    let assignments = words.prefix { $0.contains("=") && !$0.hasPrefix("-") }
    var environment: [String: String] = [:]
    for word in assignments {
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let variable = parts.first, !variable.isEmpty else {
        throw BenchFailure("'\(word)' has no variable name before '='", exitCode: .usage)
      }
      environment[String(variable)] = String(parts[1])
    }
    try self.init(
      name: name, title: text.isEmpty ? "as it is" : text, environment: environment,
      arguments: Array(words.dropFirst(assignments.count)))
  }
}
