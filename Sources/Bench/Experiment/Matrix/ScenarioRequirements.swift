import Foundation

/// Checks what a scenario asks of the host; bench changes nothing itself.
enum ScenarioRequirements {
  /// One value of the record's `host`.
  private enum Fact: Decodable {
    case flag(Bool)
    case number(Double)
    case text(String)
    case other

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let flag = try? container.decode(Bool.self) {
        self = .flag(flag)
      } else if let number = try? container.decode(Double.self) {
        self = .number(number)
      } else if let text = try? container.decode(String.self) {
        self = .text(text)
      } else {
        self = .other
      }
    }
  }

  /// Compares `requirements` with what the record's `host` says.
  ///
  /// - Throws: ``BenchFailure`` that names everything that is missing.
  static func check(_ requirements: [ScenarioCell.Setting], host: HostDescription) throws {
    guard !requirements.isEmpty else { return }
    let facts = try JSONDecoder().decode([String: Fact].self, from: JSONEncoder().encode(host))
    let problems = requirements.compactMap { problem($0, fact: facts[$0.option]) }
    guard problems.isEmpty else {
      throw BenchFailure(
        "this host is not what the scenario needs: \(problems.joined(separator: "; "))",
        exitCode: .unavailable)
    }
  }

  private static func problem(_ requirement: ScenarioCell.Setting, fact: Fact?) -> String? {
    let (key, wanted) = (requirement.option, requirement.value)
    guard HostDescription.CodingKeys(stringValue: key) != nil else {
      return "'\(key)' is nothing that is recorded of a host"
    }
    switch fact {
    case .flag(let flag):
      return String(flag) == wanted ? nil : "\(key) is \(flag), and \(wanted) is needed"
    case .number(let number):
      guard let least = Double(wanted) else { return "\(key) is a number, which '\(wanted)' is not" }
      return number >= least ? nil : "\(key) is \(number.formatted()), and \(wanted) at least is needed"
    case .text(let text):
      return text == wanted ? nil : "\(key) is '\(text)', and '\(wanted)' is needed"
    case .other, nil:
      return "\(key) is unknown here, and '\(wanted)' is needed"
    }
  }
}
