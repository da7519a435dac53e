import Foundation

/// A fio job file of the user's, with `include` and `${NAME}` resolved and its jobs sorted into phases.
///
/// bench decides which file or device is used and how much of it, and runs the phases one after the other;
/// ``FioOptionTable`` says what becomes of each option.
struct FioJobFile: Codable, Equatable, Sendable {
  /// The file's name, without its folder.
  let name: String
  /// Its jobs: those of a phase run at the same time, the phases one after the other. None is empty.
  let phases: [FioPhase]
  /// What bench changes in the options, from what to what, in a line; empty for nothing.
  private(set) var changes: String

  private static let phaseLimit = 64
  /// fio's REAL_MAX_JOBS: what one run of it takes.
  private static let jobCountLimit: UInt64 = 4096

  /// Reads the file at `path`.
  ///
  /// - Parameter environment: What `${NAME}` stands for.
  /// - Throws: ``BenchFailure`` if it cannot be read, has no job, or has an option that bench refuses.
  init(path: String, environment: [String: String] = ProcessInfo.processInfo.environment) throws(BenchFailure)
  {
    let reader = try FioJobReader(path: path, environment: environment)
    try self.init(name: (path as NSString).lastPathComponent, sections: reader.sections)
  }

  /// A job file of these sections.
  init(name: String, sections: [FioJobReader.Section]) throws(BenchFailure) {
    self.name = name
    var common: [FioJobOption] = []
    var jobs: [FioJobSection] = []
    for section in sections {
      if section.isGlobal {
        common += section.options
      } else {
        jobs.append(FioJobSection(name: section.name, options: common + section.options))
      }
    }
    guard !jobs.isEmpty else {
      throw BenchFailure(
        "the job file \(name) has no job: a section [NAME] besides [global]", exitCode: .dataError)
    }
    try Self.checkOptions(jobs, file: name)
    phases = try Self.phases(jobs, file: name)
    guard phases.count <= Self.phaseLimit else {
      throw BenchFailure(
        "the job file \(name) has \(phases.count) phases; bench takes up to \(Self.phaseLimit)",
        exitCode: .dataError)
    }
    for phase in phases { try Self.check(phase, file: name) }
    changes = FioJobChanges(jobs, byteCount: nil).text
  }

  /// What has a row of its own: each phase, or each group of its jobs where `new_group` makes several.
  var parts: [FioPhase] { phases.flatMap(\.groups) }

  /// Where among ``parts`` those of phase `index` are.
  func parts(ofPhase index: Int) -> Range<Int> {
    let first = phases[..<index].reduce(0) { $0 + $1.groups.count }
    return first..<first + phases[index].groups.count
  }

  /// What the rows of a part are called where there are several: a name that no other part has. `a of a+b` is a group of the
  /// phase `a+b`.
  func groupName(ofPart index: Int) -> String? {
    let names = phases.flatMap(\.groupNames)
    guard names.count > 1 else { return nil }
    return names.count { $0 == names[index] } > 1 ? "\(names[index]).\(index + 1)" : names[index]
  }

  /// Says in ``changes`` what sizes and offsets become where the jobs have `byteCount` bytes.
  mutating func nameChanges(byteCount: UInt64) {
    changes = FioJobChanges(phases.flatMap(\.jobs), byteCount: byteCount).text
  }

  /// What bench changes in the file, in a line.
  var changeNote: String { "file name and size are bench's" + (changes.isEmpty ? "" : "; \(changes)") }

  /// What a reader of rows must know of groups; nil where no phase has several.
  var groupNote: String? {
    let names = phases.filter { $0.groups.count > 1 }.map(\.name)
    return names.isEmpty
      ? nil
      : "rows of the groups of \(names.joined(separator: ", ")): requests and latencies are each group's; window, vmexits and "
        + "CPU times, and what is computed from these, are the phase's"
  }

  /// Checks what only jobs that run together can have wrong.
  private static func check(_ phase: FioPhase, file: String) throws(BenchFailure) {
    guard phase.jobCount <= jobCountLimit else {
      throw BenchFailure(
        "the job file \(file): \(phase.jobCount) jobs run at the same time (\(phase.name)); fio takes up to \(jobCountLimit): "
          + "lower numjobs", exitCode: .dataError)
    }
    if let (key, values) = phase.differingWindow {
      throw BenchFailure(
        "the job file \(file): the jobs \(phase.name) run at the same time and differ in \(key) "
          + "(\(values.joined(separator: ", "))), so that they have no common window; use stonewall, or the same \(key)",
        exitCode: .dataError)
    }
  }

  private static func checkOptions(_ jobs: [FioJobSection], file: String) throws(BenchFailure) {
    for job in jobs {
      if let option = job.unreadable {
        throw BenchFailure(
          "the job file \(file): job \(job.name): bench cannot read \(option.line); write one number",
          exitCode: .dataError)
      }
      for option in job.options where option.isOn {
        guard case .refused(let reason) = FioOptionTable.treatment(of: option.key) else { continue }
        throw BenchFailure(
          "the job file \(file): bench does not take \(option.key) (job \(job.name)): \(reason)",
          exitCode: .dataError)
      }
    }
  }

  /// Sorts `jobs` into phases: at each `stonewall`, and where a job waits for the only job of the phase before.
  private static func phases(_ jobs: [FioJobSection], file: String) throws(BenchFailure) -> [FioPhase] {
    var groups: [[FioJobSection]] = []
    for job in jobs {
      if groups.isEmpty || job.isOn("stonewall") {
        groups.append([job])
      } else {
        groups[groups.count - 1].append(job)
      }
    }
    var phases: [FioPhase] = []
    for group in groups {
      phases += try levels(of: group, after: phases, file: file).map { FioPhase(jobs: $0) }
    }
    return phases
  }

  /// The jobs of `group`, which has no stonewall, by what they wait for.
  private static func levels(
    of group: [FioJobSection], after phases: [FioPhase], file: String
  ) throws(BenchFailure) -> [[FioJobSection]] {
    var levels: [[FioJobSection]] = [[]]
    for job in group {
      var level = 0
      if let awaited = job.value("wait_for") {
        if let place = levels.lastIndex(where: { $0.contains { $0.name == awaited } }) {
          level = place + 1
        } else if !phases.contains(where: { $0.jobs.contains { $0.name == awaited } }) {
          throw BenchFailure(
            "the job file \(file): job \(job.name) waits for '\(awaited)', which is not an earlier job",
            exitCode: .dataError)
        }
      }
      if level == levels.count { levels.append([]) }
      levels[level].append(job)
    }
    // A job that waits for one of several would run beside the others, and the exits of the two could not be separated.
    for (jobs, next) in zip(levels, levels.dropFirst()) where jobs.count > 1 {
      throw BenchFailure(
        "the job file \(file): job \(next[0].name) waits for '\(next[0].value("wait_for") ?? "")' and runs beside "
          + "other jobs that began before; their exits cannot be separated: use stonewall",
        exitCode: .dataError)
    }
    return levels
  }
}
