import ArgumentParser
import Foundation
import Yams

/// Reads a scenario from YAML and expands it; everything that can be wrong with it is found here, before anything boots.
///
/// ```
/// name: depth
/// description: How throughput grows with the queue depth.
/// constants: {engine: "null", workers: 1}
/// axes:
///   mode: [virtio-blk, vext]
///   iodepth: [1, 4, 16]
/// exclude:
///   - {mode: virtio-blk, iodepth: 16}
/// repeat: 5
/// seed: 1
/// host: {online_cpus: 2}
/// ```
///
/// Names below `constants` and `axes` are the long options of `bench run`, which also judges their values. Cells of mode `host` go without
/// the constants that only machines have.
struct ScenarioFile {
  /// More cells than anybody waits for.
  private static let largestCellCount = 10_000
  private static let largestByteCount = 65_536
  /// Options of `bench run` that a scenario says otherwise, or that are the caller's.
  private static let reservedOptions = ["repeat", "seed", "output", "dry-run", "quiet", "help"]

  /// A setting and where it stands.
  private struct PlacedSetting {
    let setting: ScenarioCell.Setting
    let line: Int
  }

  /// The scenario in the file at `path`.
  ///
  /// - Throws: ``BenchFailure`` with the line and the reason.
  static func load(_ path: String) throws -> Scenario {
    let data: Data
    do {
      data = try Data(contentsOf: URL(filePath: path))
    } catch {
      throw BenchFailure(
        "cannot read the scenario \(path): \(error.plainWords)", exitCode: .noInput)
    }
    do throws(ScenarioFault) {
      return try scenario(data)
    } catch {
      let place = error.line.map { "\(path):\($0)" } ?? path
      throw BenchFailure("\(place): \(error.reason)", exitCode: .dataError)
    }
  }

  /// The scenario that `data` describes.
  static func scenario(_ data: Data) throws(ScenarioFault) -> Scenario {
    let root = try ScenarioNode(yaml: data, largestByteCount: largestByteCount)
    let fields = try root.fields(
      known: ["name", "description", "constants", "axes", "exclude", "repeat", "seed", "host"])
    guard let name = try fields["name"]?.text(), !name.isEmpty else {
      throw ScenarioFault(line: root.line, reason: "the scenario has no name")
    }
    guard name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }) else {
      throw ScenarioFault(
        line: fields["name"]?.line, reason: "the name '\(name)' may have letters, digits, - and _ only")
    }
    let constants = try settings(fields["constants"])
    let axes = try axes(fields["axes"], constants: constants)
    let excluded = try exclusions(
      fields["exclude"], options: Set(constants.map(\.setting.option)).union(axes.map(\.option)))
    let cells = try expand(constants: constants, axes: axes, excluded: excluded, line: root.line)
    return Scenario(
      name: name, description: try fields["description"]?.text() ?? "",
      repetitionCount: try fields["repeat"]?.number(in: 1...10_000) ?? 1,
      seed: try fields["seed"].map { node throws(ScenarioFault) in
        UInt64(try node.number(in: 0...(1 << 53 - 1)))
      },
      hostRequirements: try settings(fields["host"], areOptions: false).map(\.setting), cells: cells)
  }

  private static func settings(_ node: ScenarioNode?, areOptions: Bool = true) throws(ScenarioFault)
    -> [PlacedSetting]
  {
    var settings: [PlacedSetting] = []
    for entry in try node?.entries() ?? [] {
      if areOptions { try check(option: entry.name, line: entry.line) }
      settings.append(
        PlacedSetting(setting: .init(option: entry.name, value: try entry.value.text()), line: entry.line))
    }
    return settings
  }

  private static func check(option: String, line: Int) throws(ScenarioFault) {
    guard !reservedOptions.contains(option) else {
      throw ScenarioFault(line: line, reason: "'\(option)' does not belong to a configuration")
    }
    guard let first = option.first, first.isASCII, first.isLetter || first.isNumber,
      option.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") })
    else { throw ScenarioFault(line: line, reason: "'\(option)' is not an option of bench run") }
  }

  /// An option and the values that it takes in turn.
  private struct Axis {
    let option: String
    let values: [PlacedSetting]
  }

  private static func axes(_ node: ScenarioNode?, constants: [PlacedSetting]) throws(ScenarioFault) -> [Axis]
  {
    var axes: [Axis] = []
    for entry in try node?.entries() ?? [] {
      let (option, list) = (entry.name, entry.value)
      try check(option: option, line: entry.line)
      guard !constants.contains(where: { $0.setting.option == option }) else {
        throw ScenarioFault(line: entry.line, reason: "'\(option)' is a constant and an axis")
      }
      let items = try list.items()
      guard !items.isEmpty else {
        throw ScenarioFault(line: list.line, reason: "the axis '\(option)' has no value")
      }
      var values: [PlacedSetting] = []
      for item in items {
        let value = try item.text()
        guard !values.contains(where: { $0.setting.value == value }) else {
          throw ScenarioFault(line: item.line, reason: "the axis '\(option)' has the value '\(value)' twice")
        }
        values.append(PlacedSetting(setting: .init(option: option, value: value), line: item.line))
      }
      axes.append(Axis(option: option, values: values))
    }
    return axes
  }

  /// Values of some options at once that are to be left out.
  private struct Exclusion {
    let values: [String: [String]]
    let line: Int
  }

  private static func exclusions(_ node: ScenarioNode?, options: Set<String>) throws(ScenarioFault)
    -> [Exclusion]
  {
    var exclusions: [Exclusion] = []
    for item in try node?.items() ?? [] {
      var values: [String: [String]] = [:]
      for entry in try item.entries() {
        guard options.contains(entry.name) else {
          throw ScenarioFault(
            line: entry.line, reason: "'\(entry.name)' is neither an axis nor a constant here")
        }
        values[entry.name] = try entry.value.texts()
      }
      guard !values.isEmpty else {
        throw ScenarioFault(line: item.line, reason: "an exclusion names no option")
      }
      exclusions.append(Exclusion(values: values, line: item.line))
    }
    return exclusions
  }

  private static func expand(
    constants: [PlacedSetting], axes: [Axis], excluded: [Exclusion], line: Int
  ) throws(ScenarioFault) -> [ScenarioCell] {
    let count = axes.reduce(1) { min($0 * min($1.values.count, largestCellCount + 1), largestCellCount + 1) }
    guard count <= largestCellCount else {
      throw ScenarioFault(line: line, reason: "the axes make more than \(largestCellCount) combinations")
    }
    var combinations: [[PlacedSetting]] = [constants]
    for axis in axes {
      combinations = combinations.flatMap { combination in axis.values.map { combination + [$0] } }
    }
    var unused = excluded
    var cells: [ScenarioCell] = []
    for combination in combinations {
      let values = Dictionary(combination.map { ($0.setting.option, $0.setting.value) }) { first, _ in first }
      func matches(_ exclusion: Exclusion) -> Bool {
        exclusion.values.allSatisfy { option, list in values[option].map(list.contains) ?? false }
      }
      unused.removeAll(where: matches)
      if excluded.contains(where: matches) { continue }
      cells.append(try cell(combination, axes: axes.map(\.option), line: line))
    }
    if let exclusion = unused.first {
      throw ScenarioFault(line: exclusion.line, reason: "the exclusion leaves out no combination")
    }
    guard !cells.isEmpty else {
      throw ScenarioFault(line: line, reason: "the matrix is empty: every combination is excluded")
    }
    return cells
  }

  /// The cell of `combination`, once the parser of `bench run` has accepted it.
  private static func cell(
    _ combination: [PlacedSetting], axes: [String], line: Int
  ) throws(ScenarioFault) -> ScenarioCell {
    let isHost = combination.contains {
      $0.setting.option == "mode" && $0.setting.value == DataPathMode.host.rawValue
    }
    // A constant is for all modes, and one that only machines have is for all others.
    let settings = combination.map(\.setting).filter {
      !isHost || axes.contains($0.option) || !RunCommand.machineOptions.contains($0.option)
    }
    let cell = ScenarioCell(settings: settings, axes: axes)
    do {
      let command = try RunCommand.parse(cell.arguments)
      guard command.modeLists.flatMap(\.modes).count == 1 else {
        throw ScenarioFault(
          line: combination.first { $0.setting.option == "mode" }?.line ?? line,
          reason: "a boot has one mode: make 'mode' a constant or an axis")
      }
      guard command.machines.vmms.count == 1 else {
        throw ScenarioFault(
          line: combination.first { $0.setting.option == "vmm" }?.line ?? line,
          reason: "a boot has one VMM: make 'vmm' an axis")
      }
    } catch let fault as ScenarioFault {
      throw fault
    } catch {
      let message = BenchCommand.firstLine(RunCommand.message(for: error))
      throw ScenarioFault(
        line: culprit(of: message, combination)?.line ?? line, reason: "\(cell.title): \(message)")
    }
    return cell
  }

  /// The setting that the parser's message is about: of those whose option it names, the longest, then one whose value it
  /// names too.
  private static func culprit(of message: String, _ combination: [PlacedSetting]) -> PlacedSetting? {
    let named = combination.filter {
      message.contains("--\($0.setting.option)") || message.contains("--no-\($0.setting.option)")
    }
    let longest = named.map(\.setting.option.count).max()
    return named.first { $0.setting.option.count == longest }
  }
}
