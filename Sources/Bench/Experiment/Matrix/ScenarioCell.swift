import ArgumentParser
import Synchronization

/// One combination of a scenario: what boots it once.
struct ScenarioCell: Codable, Equatable, Sendable {
  /// One option of the command line, without dashes, and its value.
  struct Setting: Codable, Equatable, Sendable {
    let option: String
    let value: String
  }

  /// What tells this cell from the scenario's others.
  let title: String
  /// The arguments, as the parser of `bench run` takes them.
  let arguments: [String]

  /// A cell that a user wrote as arguments.
  init(title: String, arguments: [String]) {
    self.title = title
    self.arguments = arguments
  }

  /// A cell of these settings, called by those whose options are in `axes`.
  init(settings: [Setting], axes: [String]) {
    let varying = settings.filter { axes.contains($0.option) }
    title = (varying.isEmpty ? settings : varying).map { "\($0.option)=\($0.value)" }.joined(separator: " ")
    arguments = settings.flatMap(Self.arguments)
  }

  /// An option with its value; a flag where the value is `true` or `false`.
  private static func arguments(_ setting: Setting) -> [String] {
    let name = "--\(setting.option)"
    switch setting.value {
    case "true": return [name]
    case "false":
      let negation = "--no-\(setting.option)"
      // A flag without a negation is negated by being left out.
      let isPlainFlag = !isKnownFlag(negation) && isKnownFlag(name)
      return isPlainFlag ? [] : [negation]
    default: return [name, setting.value]
    }
  }

  /// Asks the parser itself, so that there is no second table of options.
  private static func isKnownFlag(_ argument: String) -> Bool {
    if let answer = knownFlags.withLock({ $0[argument] }) { return answer }
    // Anything else than a flag is an error, and the answer is no.
    let answer = (try? RunCommand.parse([argument])) != nil
    knownFlags.withLock { $0[argument] = answer }
    return answer
  }

  /// The answers so far, because the parser takes its time and a scenario asks for each cell.
  private static let knownFlags = Mutex<[String: Bool]>([:])
}
