import HostSystem

/// All boots of a matrix, a comparison or a calibration, in their order.
///
/// A repetition boots every cell once, in a random order of its own; the sides of a cell follow each other at once, in random order too. So
/// a drift of the host affects all cells and sides alike, and the boots of a repetition can be paired.
struct ExperimentPlan: Codable, Equatable, Sendable {
  /// Version of this file; others are not resumed.
  static let currentFormatVersion = 2

  /// What the experiment is for.
  enum Kind: String, Codable, Sendable {
    case matrix
    case comparison
    case calibration
  }

  /// One boot.
  struct Boot: Codable, Equatable, Sendable {
    /// Place in the order, from 0.
    let index: Int
    /// Which repetition, from 1.
    let repetition: Int
    /// Index of the cell.
    let cell: Int
    /// Index of the side.
    let side: Int
    /// Seed of the workload: the same for all boots of a repetition, so that they do the same work.
    let seed: UInt64
  }

  var formatVersion = Self.currentFormatVersion
  let kind: Kind
  let name: String
  let description: String
  let fingerprint: String
  let host: HostIdentity
  let startedAt: String
  /// What the order and all workloads follow from.
  let seed: UInt64
  let repetitionCount: Int
  let sides: [ExperimentSide]
  let cells: [ScenarioCell]
  /// About how long a boot of each cell takes; nil where it cannot be known.
  let estimatedSeconds: [Double?]
  let boots: [Boot]
  /// The part of the boots that this folder is for; nil: all of them.
  private(set) var shard: ExperimentShard?
  /// The change, as a share, about which a comparison boots until it is sure; nil: it makes all boots.
  private(set) var confidentMargin: Double?

  /// The names in JSON.
  enum CodingKeys: String, CodingKey {
    case kind, name, description, fingerprint, host, seed, sides, cells, boots, shard
    case formatVersion = "format_version"
    case startedAt = "started_at"
    case repetitionCount = "repetitions"
    case estimatedSeconds = "estimated_seconds"
    case confidentMargin = "confident_margin"
  }

  /// A plan that boots each cell of `scenario` on each of `sides` in each of `repetitionCount` repetitions.
  init(
    kind: Kind, scenario: Scenario, sides: [ExperimentSide], repetitionCount: Int, seed: UInt64,
    host: HostIdentity,
    startedAt: String
  ) {
    self.kind = kind
    name = scenario.name
    description = scenario.description
    fingerprint = scenario.fingerprint
    self.host = host
    self.startedAt = startedAt
    self.seed = seed
    self.repetitionCount = repetitionCount
    self.sides = sides
    cells = scenario.cells
    estimatedSeconds = scenario.estimatedSeconds()
    boots = Self.order(cells: cells.count, sides: sides.count, repetitions: repetitionCount, seed: seed)
  }

  private static func order(cells: Int, sides: Int, repetitions: Int, seed: UInt64) -> [Boot] {
    var generator = SplitMix64(seed: seed)
    var boots: [Boot] = []
    for repetition in 1...max(1, repetitions) {
      // 53 bits, so that every reader of JSON gets them back as they were.
      let workloadSeed = generator.next() >> 11
      for cell in (0..<cells).shuffled(using: &generator) {
        for side in (0..<sides).shuffled(using: &generator) {
          boots.append(
            Boot(index: boots.count, repetition: repetition, cell: cell, side: side, seed: workloadSeed))
        }
      }
    }
    return boots
  }

  /// The boots of this part, in their order.
  var ownBoots: [Boot] {
    shard.map { shard in boots.filter { shard.has(repetition: $0.repetition) } } ?? boots
  }

  /// The same plan for one part of it.
  ///
  /// - Throws: ``BenchFailure`` if there are fewer repetitions than parts.
  func restricted(to shard: ExperimentShard) throws -> ExperimentPlan {
    guard shard.count <= repetitionCount else {
      throw BenchFailure(
        "--shard \(shard): the plan has \(repetitionCount) repetitions (--repeat), and each stays on one host",
        exitCode: .usage)
    }
    var plan = self
    plan.shard = shard
    return plan
  }

  /// The same plan, whose cells need no further boots once a change of `margin` is found or excluded.
  func confident(ofMargin margin: Double) -> ExperimentPlan {
    var plan = self
    plan.confidentMargin = margin
    return plan
  }

  /// The same plan in one piece.
  var whole: ExperimentPlan {
    var plan = self
    plan.shard = nil
    return plan
  }

  /// What boots `boot`, with rows to `output`.
  func arguments(of boot: Boot, output: String) -> [String] {
    ["run"] + sides[boot.side].arguments(beside: cells[boot.cell].arguments)
      + ["--repeat", "1", "--seed", String(boot.seed), "--quiet", "--output", output]
  }

  /// A boot in a few words.
  func title(of boot: Boot) -> String {
    let cell = cells[boot.cell].title
    return sides.count == 1
      ? cell : cells.count == 1 ? sides[boot.side].name : "\(sides[boot.side].name): \(cell)"
  }

  /// What `--dry-run` prints.
  var text: String {
    var lines = ["name         \(name)"]
    if !description.isEmpty { lines.append("description  \(description)") }
    lines.append("host         \(host.summary)")
    lines += sides.count == 1 ? [] : sides.map { "side \($0.name)       \($0.title) (\($0.program))" }
    lines.append(
      "cells        \(cells.count), each booted \(confidentMargin == nil ? "" : "at most ")\(repetitionCount) times"
        + (sides.count == 1 ? "" : " on each side"))
    let boots = ownBoots
    if let shard { lines.append("shard        \(shard), \(boots.count) of \(self.boots.count) boots") }
    lines.append("order        \(boots.count) boots, seed \(seed)")
    for repetition in 1...max(1, repetitionCount) where shard?.has(repetition: repetition) != false {
      let titles = boots.filter { $0.repetition == repetition }.map { title(of: $0) }
      lines.append("             repetition \(repetition): \(titles.joined(separator: " | "))")
    }
    let known = boots.compactMap { estimatedSeconds[$0.cell] }
    lines.append(
      known.count == boots.count
        ? "time         about \(Int(known.reduce(0, +).rounded(.up))) s, and the filling of bench's own disks"
        : "time         unknown: --requests ends windows")
    return lines.joined(separator: "\n")
  }
}
