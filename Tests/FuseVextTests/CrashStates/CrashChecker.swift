@testable import FuseVext
import Glibc
import HostSystem
import SystemPackage

/// Makes the crash states of workloads, one after the other in the same memory, and checks each.
///
/// For one thread.
final class CrashChecker {
  let settings: CrashSettings
  private(set) var report = CrashReport()
  private var fscks: [Int: CrashFsck] = [:]
  private let found = CrashFindings()

  init(_ settings: CrashSettings) { self.settings = settings }

  /// Runs and checks a workload.
  func check(seed: UInt64, image: CrashImage) throws {
    let workload = try CrashWorkload(seed: seed, image: image, settings: settings)
    report.workloadCount += 1
    report.operationCount += zip(workload.lanes, workload.starts).reduce(0) {
      $0 + $1.0.model.operation - $1.1
    }
    for failure in workload.lanes.compactMap(\.failure) {
      found.add("seed \(seed) on \(image.kind): the workload itself failed: \(failure)")
    }
    let history = CrashHistory(workload)
    report.writeCount += history.windows.reduce(0) { $0 + $1.writes.count }
    var random = SplitMix64(seed: seed ^ 0x5EED)
    let plan = CrashPlan(
      history, blockByteCount: image.kind.blockByteCount, limit: settings.subsetLimit,
      blockStateCount: settings.blockStateCount, random: &random)
    report.leftOutCount += plan.leftOutCount
    let fsck = try fsck(byteCount: image.bytes.count)
    fsck.clear()
    let run = try CrashRun(workload, history, fsck, settings, found)
    for state in plan.states { try run.check(state, &report) }
    fsck.finish()
    report.distinctCount += run.distinctCount
    takeFindings()
  }

  private func fsck(byteCount: Int) throws -> CrashFsck {
    if let known = fscks[byteCount] { return known }
    let found = found
    let fsck = try CrashFsck(slotCount: settings.fsckCount, byteCount: byteCount) { label, output in
      found.add("\(label): e2fsck -fn: \(output)")
    }
    fscks[byteCount] = fsck
    return fsck
  }

  private func takeFindings() {
    for exception in found.exceptions { report.add(exception: exception) }
    found.exceptions = []
  }
}

/// Exceptions as they are found.
final class CrashFindings {
  var exceptions: [String] = []
  func add(_ exception: String) { exceptions.append(exception) }
}

/// The states of one workload.
final class CrashRun {
  private let workload: CrashWorkload
  private let history: CrashHistory
  private let fsck: CrashFsck
  private let settings: CrashSettings
  private let found: CrashFindings
  private let blocks: CrashBlocks
  private let verifier: CrashVerifier
  /// What is durable at the beginning of the window.
  private let base: CrashDisk
  private var window = 0
  private let disk: CrashDisk
  private let resources: ServingResources
  private var digests: [CrashBlocks.Digest] = []
  private var baseDigest = CrashBlocks.Digest()
  private var random: SplitMix64
  private var checkedByFsck: Set<UInt64> = []
  private var verified: Set<[UInt64]> = []
  private var savedCount = 0

  var distinctCount: Int { checkedByFsck.count }

  init(
    _ workload: CrashWorkload, _ history: CrashHistory, _ fsck: CrashFsck, _ settings: CrashSettings,
    _ found: CrashFindings
  ) throws {
    self.workload = workload
    self.history = history
    self.fsck = fsck
    self.settings = settings
    self.found = found
    blocks = CrashBlocks(workload)
    base = CrashDisk(CrashMemory(copying: workload.base), blockByteCount: workload.kind.blockByteCount)
    disk = CrashDisk(CrashMemory(copying: workload.base), blockByteCount: workload.kind.blockByteCount)
    resources = try ServingResources(device: disk)
    verifier = CrashVerifier(workload: workload, resources: resources)
    random = SplitMix64(seed: workload.seed ^ 0x0AC1E)
    for block in blocks.uses.indices {
      let digest = blocks.digest(of: block, in: base.memory)
      digests.append(digest)
      baseDigest.add(digest)
    }
  }

  /// Makes a state and checks it; states come in the order of their windows.
  func check(_ state: CrashState, _ report: inout CrashReport) throws {
    while window < state.window { advance() }
    make(state)
    let moment = history.windows[state.window].moments[state.issued]
    let label = "seed \(workload.seed) on \(workload.kind), \(state)"
    let asksOracle = settings.oracleInterval > 0 && random.oneIn(settings.oracleInterval)
    let cutsReplay = settings.replayInterval > 0 && random.oneIn(settings.replayInterval)
    let raw = asksOracle || settings.keepsImages ? CrashMemory(copying: disk.memory) : nil
    let exceptionCount = found.exceptions.count
    report.stateCount += 1
    if workload.usesJournal {
      if cutsReplay { disk.startRecording() }
      try checkReplay(label, moment, &report)
      let events = cutsReplay ? disk.stopRecording() : []
      if asksOracle, let raw { try askOracle(raw, label, moment, &report) }
      disk.revert(to: base.memory)
      if cutsReplay { try checkCutReplays(of: state, events, label, moment, &report) }
    } else {
      try checkRepair(label, moment, &report)
      disk.revert(to: base.memory)
    }
    if found.exceptions.count > exceptionCount, let raw { save(raw, label) }
  }

  private func advance() {
    for write in history.windows[window].writes {
      arrive(write, [], on: base)
      arrive(write, [], on: disk)
    }
    for block in base.touched {
      baseDigest.subtract(digests[block])
      digests[block] = blocks.digest(of: block, in: base.memory)
      baseDigest.add(digests[block])
    }
    base.forgetTouched()
    disk.forgetTouched()
    window += 1
  }

  private func make(_ state: CrashState) {
    for (index, write) in history.windows[state.window].writes[..<state.issued].enumerated() {
      arrive(write, state.missing.filter { $0.write == index }.map(\.bytes), on: disk)
    }
  }

  private func arrive(_ write: CrashHistory.Write, _ missing: [Range<Int>], on disk: CrashDisk) {
    var first = 0
    for part in missing.sorted(by: { $0.lowerBound < $1.lowerBound }) + [write.byteCount..<write.byteCount] {
      if first < part.lowerBound { write.arrive(first..<part.lowerBound, on: disk) }
      first = max(first, part.upperBound)
    }
  }

  // MARK: Checks

  /// The file system is mounted, which replays the journal, and unmounted.
  private func checkReplay(_ label: String, _ moment: CrashMoment, _ report: inout CrashReport) throws {
    do {
      try CrashMount.open(disk, resources, usesJournal: true).close(resources)
    } catch {
      return add("it cannot be mounted and unmounted: \(error)", label)
    }
    let digest = currentDigest()
    if verified.insert([digest.structures, digest.data, UInt64(moment.number)]).inserted {
      report.verifiedCount += 1
      if let problem = try problem(in: disk, moment) { add(problem, label) }
    }
    if checkedByFsck.insert(digest.structures).inserted {
      report.fsckCount += 1
      fsck.submit(
        disk.memory, liveBlocks, blockByteCount: blocks.blockByteCount, label: label)
    }
  }

  /// The machine dies again while the journal is replayed and orphans are freed.
  private func checkCutReplays(
    of state: CrashState, _ events: [CrashEvent], _ label: String, _ moment: CrashMoment,
    _ report: inout CrashReport
  ) throws {
    let windows = CrashHistory.windows(of: events)
    for _ in 0..<4 {
      let cut = random.below(windows.count)
      let writes = windows[cut]
      guard !writes.isEmpty else { continue }
      let issued = 1 + random.below(writes.count)
      let missing = random.oneIn(2) ? random.below(issued) : -1
      make(state)
      for window in windows[..<cut] { for write in window { arrive(write, [], on: disk) } }
      for (index, write) in writes[..<issued].enumerated() where index != missing {
        arrive(write, [], on: disk)
      }
      report.stateCount += 1
      report.cutReplayCount += 1
      let note = missing >= 0 ? " without write \(missing)" : ""
      try checkReplay(
        "\(label); then its replay, window \(cut), \(issued) writes\(note)", moment, &report)
      disk.revert(to: base.memory)
    }
  }

  /// e2fsck repairs the file system, as there is no journal.
  private func checkRepair(_ label: String, _ moment: CrashMoment, _ report: inout CrashReport) throws {
    let digest = currentDigest()
    guard verified.insert([digest.structures, digest.data, UInt64(moment.number)]).inserted else { return }
    report.verifiedCount += 1
    report.fsckCount += 2
    checkedByFsck.insert(digest.structures)
    try checkRepaired(disk.memory, label, moment)
  }

  private func checkRepaired(_ memory: CrashMemory, _ label: String, _ moment: CrashMoment) throws {
    let repair = fsck.run(["-fy"], on: memory, liveBlocks, blockByteCount: blocks.blockByteCount)
    guard repair.exitCode <= 1 else { return add("e2fsck -fy: \(repair.exitCode), \(repair.output)", label) }
    let check = fsck.run(["-fn"], on: repair.file)
    guard check.exitCode == 0 else { return add("e2fsck -fn after -fy: \(check.output)", label) }
    let disk = CrashDisk(repair.file.memory, blockByteCount: blocks.blockByteCount)
    if let problem = try problem(in: disk, moment) {
      add("after e2fsck -fy, \(problem)\n\(repair.output)", label)
    }
  }

  /// e2fsck, and once in a while the kernel, replay the same state.
  private func askOracle(
    _ raw: CrashMemory, _ label: String, _ moment: CrashMoment, _ report: inout CrashReport
  ) throws {
    report.oracleCount += 1
    try checkRepaired(raw, label, moment)
    guard settings.kernelInterval > 0, report.oracleCount % settings.kernelInterval == 1 else { return }
    report.kernelCount += 1
    let replay = fsck.run(["-V"], on: raw, liveBlocks, blockByteCount: blocks.blockByteCount)
    let folder = TemporaryFolder.makeOrTrap()
    let mounted = Command.run(
      "mount -o loop '\(replay.file.path)' '\(folder.path)' && umount '\(folder.path)'")
    guard mounted.exitCode == 0 else { return add("the kernel: \(mounted.output)", label) }
    let check = fsck.run(["-fn"], on: replay.file)
    guard check.exitCode == 0 else { return add("e2fsck -fn after the kernel: \(check.output)", label) }
    let disk = CrashDisk(replay.file.memory, blockByteCount: blocks.blockByteCount)
    if let problem = try problem(in: disk, moment) { add("after the kernel, \(problem)", label) }
  }

  private func problem(in disk: CrashDisk, _ moment: CrashMoment) throws -> String? {
    let reader = try ServingResources(device: disk)
    let fileSystem: FileSystem
    do {
      fileSystem = try FileSystem(device: disk, resources: reader, readOnly: true)
    } catch {
      return "it cannot be mounted: \(error)"
    }
    return CrashVerifier(workload: workload, resources: reader).problem(in: fileSystem, moment)
  }

  private func currentDigest() -> CrashBlocks.Digest {
    var digest = baseDigest
    for block in disk.touched {
      digest.subtract(digests[block])
      digest.add(blocks.digest(of: block, in: disk.memory))
    }
    return digest
  }

  /// Blocks that a replay or a recovery has written may be none of the workload's.
  private var liveBlocks: [Int] { blocks.live + disk.touched }

  // MARK: Reports

  private func add(_ problem: String, _ label: String) { found.add("\(label): \(problem)") }

  private func save(_ raw: CrashMemory, _ label: String) {
    guard savedCount < 3 else { return }
    savedCount += 1
    let path = "/tmp/crash-\(workload.seed)-\(workload.kind)-\(savedCount)"
    do {
      try CrashImageFile(path: path, byteCount: raw.byteCount).memory.copy(0, raw.byteCount, from: raw)
    } catch {
      return found.add("\(label): not saved: \(error)")
    }
    let text = workload.lanes.flatMap(\.descriptions).joined(separator: "\n")
    Command.record("\(label)\n\(found.exceptions.last ?? "")\n\(text)", in: "\(path).txt")
  }
}

extension CrashBlocks.Digest {
  mutating func add(_ other: Self) {
    structures &+= other.structures
    data &+= other.data
  }

  mutating func subtract(_ other: Self) {
    structures &-= other.structures
    data &-= other.data
  }
}
