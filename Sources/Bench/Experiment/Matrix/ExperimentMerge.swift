import Foundation

/// Puts the shards of a plan together again.
struct ExperimentMerge {
  /// The plan that all shards are parts of.
  let plan: ExperimentPlan
  private let shards: [ExperimentFolder.Contents]
  /// Where each boot's files are: the folder and the stem of the names.
  private let places: [Int: String]

  /// More of them do not make a message clearer.
  private static let namedBootCount = 20

  /// Reads the folders at `paths`.
  ///
  /// - Throws: ``BenchFailure`` if one is being worked in, if they are parts of different plans, if two have the same boot, or if a
  ///   boot is missing.
  init(_ paths: [String]) throws {
    var shards: [ExperimentFolder.Contents] = []
    for path in paths { shards.append(try ExperimentFolder.contents(path)) }
    guard let first = shards.first else {
      throw BenchFailure("name the folders of the shards", exitCode: .usage)
    }
    for shard in shards {
      guard shard.plan.shard != nil else {
        throw BenchFailure("\(shard.path) is not a shard: it was run without --shard", exitCode: .dataError)
      }
      if let difference = shard.plan.difference(from: first.plan) {
        throw BenchFailure(
          "\(first.path) and \(shard.path) are parts of different plans: \(difference)", exitCode: .dataError)
      }
    }
    let found = try Self.places(shards)
    let whole = first.plan.whole
    let missing = whole.boots.filter { found[$0.index] == nil }
    guard missing.isEmpty else {
      throw BenchFailure(Self.text(ofMissing: missing, plan: whole, shards: shards), exitCode: .dataError)
    }
    plan = whole
    places = found
    self.shards = shards
  }

  private static func places(_ shards: [ExperimentFolder.Contents]) throws -> [Int: String] {
    var places: [Int: String] = [:]
    var owners: [Int: String] = [:]
    for shard in shards {
      let own = Set(shard.plan.ownBoots.map(\.index))
      for boot in shard.finishedBoots {
        if let other = owners[boot] {
          throw BenchFailure(
            "\(other) and \(shard.path) both have boot \(boot + 1)", exitCode: .dataError)
        }
        guard own.contains(boot) else {
          throw BenchFailure(
            "\(shard.path) has boot \(boot + 1), which is not of its shard \(shard.plan.shard?.description ?? "")",
            exitCode: .dataError)
        }
        owners[boot] = shard.path
        places[boot] = ExperimentFolder.stem(ofBoot: boot, in: shard.path)
      }
    }
    return places
  }

  /// Which boots are missing, shard by shard, and what brings them.
  private static func text(
    ofMissing boots: [ExperimentPlan.Boot], plan: ExperimentPlan, shards: [ExperimentFolder.Contents]
  ) -> String {
    let count = shards.first?.plan.shard?.count ?? 1
    var parts: [String] = []
    for number in 1...count {
      guard let shard = ExperimentShard(number: number, count: count) else { continue }
      let numbers = boots.filter { shard.has(repetition: $0.repetition) }.map { String($0.index + 1) }
      guard !numbers.isEmpty else { continue }
      let named =
        numbers.prefix(namedBootCount).joined(separator: ", ")
        + (numbers.count > namedBootCount ? ", ..." : "")
      let folder = shards.first { $0.plan.shard == shard }
      parts.append(
        "shard \(shard): boots \(named) "
          + (folder.map { "(bench matrix --resume \($0.path))" } ?? "(no folder of it is given)"))
    }
    return "\(boots.count) of \(plan.boots.count) boots are missing: \(parts.joined(separator: "; "))"
  }

  /// Makes a folder at `path`, which must not exist, as if the plan had been run in one piece.
  ///
  /// - Throws: ``BenchFailure`` if it cannot be written, or if a boot's rows cannot be read; nothing is left then.
  func write(to path: String) throws {
    guard !FileManager.default.fileExists(atPath: path) else {
      throw BenchFailure("\(path) exists; name a new folder with --output", exitCode: .cannotCreate)
    }
    // It takes its name when it is whole: a folder with some of the boots could be resumed on the wrong host.
    let part = path + ".part"
    try? FileManager.default.removeItem(atPath: part)
    do {
      let folder = try ExperimentFolder(creating: part, plan: plan)
      for boot in plan.boots {
        try copy(boot, to: ExperimentFolder.stem(ofBoot: boot.index, in: part))
      }
      try folder.restoreRows()
      try FileManager.default.moveItem(atPath: part, toPath: path)
    } catch {
      try? FileManager.default.removeItem(atPath: part)
      if error is BenchFailure { throw error }
      throw BenchFailure("cannot make \(path): \(error.plainWords)", exitCode: .cannotCreate)
    }
  }

  private func copy(_ boot: ExperimentPlan.Boot, to target: String) throws {
    guard let source = places[boot.index] else { return }
    for suffix in ["csv", "json", "log"] where FileManager.default.fileExists(atPath: "\(source).\(suffix)") {
      try FileManager.default.copyItem(atPath: "\(source).\(suffix)", toPath: "\(target).\(suffix)")
    }
  }

  /// The hosts that the shards ran on, each once.
  var hosts: [String] {
    var seen: Set<HostIdentity> = []
    return shards.map(\.plan.host).filter { seen.insert($0).inserted }.map(\.summary)
  }
}

extension ExperimentPlan {
  /// What tells this plan from `other` beside the shard and the host; nil if they are parts of one.
  fileprivate func difference(from other: ExperimentPlan) -> String? {
    func words(_ side: ExperimentSide) -> [String] {
      [side.name] + side.arguments
        + side.environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    }
    let checks: [(name: String, isSame: Bool)] = [
      ("format", formatVersion == other.formatVersion), ("kind", kind == other.kind),
      ("name", name == other.name),
      ("scenario", fingerprint == other.fingerprint && cells == other.cells), ("seed", seed == other.seed),
      ("number of repetitions", repetitionCount == other.repetitionCount),
      ("number of shards", shard?.count == other.shard?.count),
      ("sides", sides.map(words) == other.sides.map(words)), ("order", boots == other.boots),
    ]
    return checks.first { !$0.isSame }.map { "the \($0.name) differs" }
  }
}
