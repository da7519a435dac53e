import Foundation
import Yams

/// A piece of a scenario file and its line.
struct ScenarioNode {
  /// A name with its value.
  struct Entry {
    let name: String
    let value: ScenarioNode
    /// The line of the name.
    let line: Int
  }

  private let node: Node
  /// From 1.
  let line: Int

  private init(_ node: Node, line: Int) {
    self.node = node
    self.line = node.mark?.line ?? line
  }

  /// The document in `yaml`.
  init(yaml: Data, largestByteCount: Int) throws(ScenarioFault) {
    guard yaml.count <= largestByteCount else {
      throw ScenarioFault(
        line: nil, reason: "the file has \(yaml.count) bytes: a scenario has at most \(largestByteCount)")
    }
    guard let text = String(data: yaml, encoding: .utf8) else {
      throw ScenarioFault(line: nil, reason: "the text is not UTF-8")
    }
    try Self.refuseAliases(text)
    do {
      guard let node = try compose(yaml: text) else {
        throw ScenarioFault(line: 1, reason: "the file is empty")
      }
      self.init(node, line: 1)
    } catch let fault as ScenarioFault {
      throw fault
    } catch let error as YamlError {
      throw Self.fault(error)
    } catch {
      throw ScenarioFault(line: nil, reason: "\(error)")
    }
  }

  /// A file of a kilobyte can unfold to gigabytes by them, and no scenario needs them.
  private static func refuseAliases(_ text: String) throws(ScenarioFault) {
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      var previous: Character = " "
      for (character, next) in zip(line, line.dropFirst()) {
        let mayBegin = " [{,:-?".contains(previous)
        if mayBegin, character == "&" || character == "*", next.isLetter || next.isNumber || next == "_" {
          throw ScenarioFault(
            line: index + 1, reason: "anchors and aliases (\(character)\(next)...) are not read")
        }
        previous = character
      }
    }
  }

  private static func fault(_ error: YamlError) -> ScenarioFault {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      ScenarioFault(line: mark.line, reason: "the file is not YAML: \(problem)")
    case .duplicatedKeysInMapping(let duplicates, let context):
      ScenarioFault(
        line: context.mark.line, reason: "'\(duplicates.sorted().joined(separator: "', '"))' is there twice")
    case .no, .memory, .reader, .writer, .emitter, .representer, .dataCouldNotBeDecoded:
      ScenarioFault(line: nil, reason: "the file is not YAML: \(error)")
    }
  }

  /// The scalar's text as it was written, whatever YAML takes it for.
  func text() throws(ScenarioFault) -> String {
    guard let scalar = node.scalar else {
      throw ScenarioFault(line: line, reason: "a single value is expected here")
    }
    return scalar.string
  }

  /// The whole number in `range` that the scalar is.
  func number(in range: ClosedRange<Int>) throws(ScenarioFault) -> Int {
    let text = try text()
    guard let number: Int = DecimalText.integer(text), range.contains(number) else {
      throw ScenarioFault(
        line: line, reason: "'\(text)' is not a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  /// The elements of a list.
  func items() throws(ScenarioFault) -> [ScenarioNode] {
    guard let sequence = node.sequence else {
      throw ScenarioFault(line: line, reason: "a list is expected here")
    }
    return sequence.map { ScenarioNode($0, line: line) }
  }

  /// The texts of a list, or the only one.
  func texts() throws(ScenarioFault) -> [String] {
    guard node.sequence != nil else { return [try text()] }
    var texts: [String] = []
    for item in try items() { texts.append(try item.text()) }
    return texts
  }

  /// The names and values of a mapping, in the file's order.
  func entries() throws(ScenarioFault) -> [Entry] {
    guard let mapping = node.mapping else {
      throw ScenarioFault(line: line, reason: "names with values (name: value) are expected here")
    }
    var entries: [Entry] = []
    for (key, value) in mapping {
      guard let name = key.scalar?.string else {
        throw ScenarioFault(line: key.mark?.line ?? line, reason: "a name is expected here")
      }
      let keyLine = key.mark?.line ?? line
      entries.append(Entry(name: name, value: ScenarioNode(value, line: keyLine), line: keyLine))
    }
    return entries
  }

  /// The values of a mapping that has `known` names only.
  func fields(known: [String]) throws(ScenarioFault) -> [String: ScenarioNode] {
    var fields: [String: ScenarioNode] = [:]
    for entry in try entries() {
      guard known.contains(entry.name) else {
        throw ScenarioFault(
          line: entry.line, reason: "unknown key '\(entry.name)'; known are \(known.joined(separator: ", "))")
      }
      fields[entry.name] = entry.value
    }
    return fields
  }
}

/// What is wrong with a scenario file, and where.
struct ScenarioFault: Error, Equatable {
  /// From 1; nil where the fault belongs to no line.
  let line: Int?
  /// Why the file cannot be used.
  let reason: String
}
