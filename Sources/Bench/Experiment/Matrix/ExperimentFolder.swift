import Foundation
import SystemPackage

#if canImport(Glibc)
  import Glibc
#endif

/// The folder of an experiment: its plan, a file for each boot, and the rows of each side together.
///
/// A boot is done once `boots/NNNN.csv` has that name. The sides' files (`rows.csv`, or `a.csv` and `b.csv`) are made of those
/// and can be made again, so that a crash at any moment costs no more than the boot that was under way.
struct ExperimentFolder: ~Copyable {
  /// The folder.
  let path: String
  let plan: ExperimentPlan
  private let lock: FileDescriptor

  /// Makes the folder at `path`, which must not exist, for `plan`.
  init(creating path: String, plan: ExperimentPlan) throws {
    let lock = try Self.make(path, plan)
    self.path = path
    self.plan = plan
    self.lock = lock
  }

  private init(path: String, plan: ExperimentPlan, lock: FileDescriptor) {
    self.path = path
    self.plan = plan
    self.lock = lock
  }

  /// Opens the folder of an experiment that was cut off, and makes the sides' files again from its boots.
  static func resuming(_ path: String) throws -> ExperimentFolder {
    let plan = try load(path)
    let folder = ExperimentFolder(path: path, plan: plan, lock: try lock(path))
    folder.removeParts()
    try folder.restoreRows()
    return folder
  }

  deinit {
    // Nothing was written through it.
    try? lock.close()
  }

  private static func make(_ path: String, _ plan: ExperimentPlan) throws -> FileDescriptor {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
      guard !FileManager.default.fileExists(atPath: path) else {
        throw BenchFailure("\(path) exists; --resume goes on with it", exitCode: .cannotCreate)
      }
      try FileManager.default.createDirectory(atPath: "\(path)/boots", withIntermediateDirectories: true)
      try (encoder.encode(plan) + Data("\n".utf8)).write(
        to: URL(filePath: "\(path)/plan.json"), options: .atomic)
      return try lock(path)
    } catch let failure as BenchFailure {
      throw failure
    } catch {
      throw BenchFailure("cannot make \(path): \(error.plainWords)", exitCode: .cannotCreate)
    }
  }

  /// The plan in the folder at `path`.
  static func plan(in path: String) throws -> ExperimentPlan { try load(path) }

  private static func load(_ path: String) throws -> ExperimentPlan {
    let data: Data
    do {
      data = try Data(contentsOf: URL(filePath: "\(path)/plan.json"))
    } catch {
      throw BenchFailure(
        "\(path) holds no experiment: \(error.plainWords)", exitCode: .noInput)
    }
    do {
      let plan = try JSONDecoder().decode(ExperimentPlan.self, from: data)
      try check(plan, path: path)
      return plan
    } catch let failure as BenchFailure {
      throw failure
    } catch {
      let reason = (error as? DecodingError)?.reason ?? error.plainWords
      throw BenchFailure("\(path)/plan.json is not a plan: \(reason)", exitCode: .dataError)
    }
  }

  /// The plan comes from a file: its indices are checked before they are used.
  private static func check(_ plan: ExperimentPlan, path: String) throws {
    guard plan.formatVersion == ExperimentPlan.currentFormatVersion else {
      throw BenchFailure(
        "\(path)/plan.json has format \(plan.formatVersion), and this bench resumes format "
          + "\(ExperimentPlan.currentFormatVersion): resume it with the bench that began it",
        exitCode: .dataError)
    }
    let names = plan.sides.map(\.name)
    let isSound =
      plan.boots.enumerated().allSatisfy {
        $0.offset == $0.element.index && plan.cells.indices.contains($0.element.cell)
          && plan.sides.indices.contains($0.element.side)
      } && plan.estimatedSeconds.count == plan.cells.count && !names.isEmpty
      && names.allSatisfy { ["rows", "a", "b"].contains($0) } && (1...10_000).contains(plan.repetitionCount)
    let hasPart = plan.shard.map { ExperimentShard(number: $0.number, count: $0.count) != nil } ?? true
    let hasMargin = plan.confidentMargin.map(SequentialDesign.margins.contains) ?? true
    guard isSound && hasPart && hasMargin else {
      throw BenchFailure("\(path)/plan.json contradicts itself", exitCode: .dataError)
    }
  }

  /// Keeps a second process from working in the folder.
  private static func lock(_ path: String) throws -> FileDescriptor {
    let descriptor = try FileDescriptor.open(
      FilePath("\(path)/lock"), .readWrite, options: [.create, .closeOnExec],
      permissions: [.ownerReadWrite, .groupRead, .otherRead])
    guard flock(descriptor.rawValue, LOCK_EX | LOCK_NB) == 0 else {
      try? descriptor.close()
      throw BenchFailure("another bench works in \(path)", exitCode: .unavailable)
    }
    return descriptor
  }

  /// The boots that are yet to be done, in their order.
  var remainingBoots: [ExperimentPlan.Boot] {
    plan.ownBoots.filter { !FileManager.default.fileExists(atPath: "\(stem(of: $0)).csv") }
  }

  /// The boots that were tried and left no row. Call it between boots.
  var failedBoots: [ExperimentPlan.Boot] {
    remainingBoots.filter { FileManager.default.fileExists(atPath: logPath(of: $0)) }
  }

  /// The file of the rows of `boot` in the folder at `path`, which exists once the boot is done.
  static func bootRowsPath(of boot: ExperimentPlan.Boot, in path: String) -> String {
    "\(stem(ofBoot: boot.index, in: path)).csv"
  }

  /// The file of a side's rows.
  func rowsPath(side: Int) -> String { "\(path)/\(plan.sides[side].name).csv" }

  /// Where a boot's rows go while it is under way: a file of this process's own, which a boot that outlived its bench cannot reach.
  func outputPath(of boot: ExperimentPlan.Boot) -> String { "\(partStem(of: boot)).csv" }

  private func partStem(of boot: ExperimentPlan.Boot) -> String {
    "\(stem(of: boot)).\(ProcessInfo.processInfo.processIdentifier).part"
  }

  /// What a boot printed.
  func logPath(of boot: ExperimentPlan.Boot) -> String { "\(stem(of: boot)).log" }

  private func stem(of boot: ExperimentPlan.Boot) -> String { Self.stem(ofBoot: boot.index, in: path) }

  /// The path of the files of the boot with this index in the folder at `path`, without the dot and what follows.
  static func stem(ofBoot index: Int, in path: String) -> String {
    "\(path)/boots/" + String(format: "%05d", index + 1)
  }

  /// What a folder that nobody works in holds.
  struct Contents {
    let path: String
    let plan: ExperimentPlan
    /// Indices of the boots that have rows, ascending.
    let finishedBoots: [Int]
  }

  /// Reads the folder at `path` without changing it.
  ///
  /// - Throws: ``BenchFailure`` if it holds no plan, if another bench works in it, or if it has a boot that is not planned.
  static func contents(_ path: String) throws -> Contents {
    let plan = try load(path)
    let descriptor = try lock(path)
    // Nothing was written through it.
    defer { try? descriptor.close() }
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: "\(path)/boots")
    } catch {
      throw BenchFailure("cannot read \(path)/boots: \(error.plainWords)", exitCode: .noInput)
    }
    var finished: [Int] = []
    for name in names where name.hasSuffix(".csv") && !name.hasSuffix(".part.csv") {
      guard let number = Int(name.dropLast(4)), plan.boots.indices.contains(number - 1),
        stem(ofBoot: number - 1, in: path).hasSuffix("/\(name.dropLast(4))")
      else { throw BenchFailure("\(path)/boots/\(name) is not of the plan", exitCode: .dataError) }
      finished.append(number - 1)
    }
    return Contents(path: path, plan: plan, finishedBoots: finished.sorted())
  }

  /// Removes what an earlier attempt at `boot` left.
  func prepare(_ boot: ExperimentPlan.Boot) {
    let stem = partStem(of: boot)
    for path in ["\(stem).csv", "\(stem).json", logPath(of: boot)] {
      // Mostly there is none.
      try? FileManager.default.removeItem(atPath: path)
    }
  }

  /// Removes what boots left that were under way when an earlier process ended.
  private func removeParts() {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(path)/boots")) ?? []
    for name in names where name.contains(".part.") {
      // A file that stays is in nobody's way: it has a name of its own.
      try? FileManager.default.removeItem(atPath: "\(path)/boots/\(name)")
    }
  }

  /// Takes the rows of a boot that ended well into its side's file.
  func finish(_ boot: ExperimentPlan.Boot) throws {
    let lines = try rowLines(of: boot, at: outputPath(of: boot))
    let (stem, part) = (stem(of: boot), partStem(of: boot))
    do {
      if FileManager.default.fileExists(atPath: "\(part).json") {
        try FileManager.default.moveItem(atPath: "\(part).json", toPath: "\(stem).json")
      }
      try FileManager.default.moveItem(atPath: "\(part).csv", toPath: "\(stem).csv")
    } catch {
      throw BenchFailure("cannot rename the files of boot \(boot.index + 1): \(error)", exitCode: .ioError)
    }
    try append(lines, side: boot.side)
  }

  /// A boot's header and rows, in which `repetition` is the plan's: each of them was the first repetition of a run of its own.
  private func rowLines(of boot: ExperimentPlan.Boot, at path: String) throws -> (
    header: String, rows: [String]
  ) {
    let file = try RowFile(path: path)
    guard let place = file.header.firstIndex(of: RecordColumns.table.repetition.name) else {
      throw BenchFailure("\(path):1: the file has no column repetition", exitCode: .dataError)
    }
    let rows = try file.rows.map { row in
      var fields = try row.table.fields(ofRow: row.index)
      fields[place] = String(boot.repetition)
      return fields.map(CSVSchema.quoted).joined(separator: ",")
    }
    return (file.header.map(CSVSchema.quoted).joined(separator: ","), rows)
  }

  private func append(_ lines: (header: String, rows: [String]), side: Int) throws {
    try CSVWriter(path: rowsPath(side: side), header: lines.header).write(lines: lines.rows)
  }

  /// Makes the sides' files again from the boots that are there.
  func restoreRows() throws {
    for side in plan.sides.indices {
      try? FileManager.default.removeItem(atPath: rowsPath(side: side))
    }
    for boot in plan.boots where FileManager.default.fileExists(atPath: "\(stem(of: boot)).csv") {
      try append(rowLines(of: boot, at: "\(stem(of: boot)).csv"), side: boot.side)
    }
  }
}
