import HostSystem
import Synchronization
import SystemPackage

@testable import FuseVext

/// A file system that a model's lanes use, from one mount to the next.
final class ModelMount {
  let disk: ModelDisk
  let fileSystem: FileSystem
  let resources: ServingResources

  init(_ path: String) throws {
    disk = try ModelDisk(path)
    resources = try ServingResources(device: disk)
    fileSystem = try FileSystem(device: disk, resources: resources, readOnly: false)
    try fileSystem.begin(resources)
  }
}

/// Random operations of several threads on one image, with remounts and kills between, compared with a model in memory.
final class ModelRun {
  /// What the run was.
  struct Report: CustomStringConvertible {
    var operationCount = 0
    var noSpaceCount = 0
    var remountCount = 0
    var killCount = 0
    /// The files whose acknowledged contents were there after a kill.
    var survivorCount = 0

    var description: String {
      "\(operationCount) operations (\(noSpaceCount) without space), \(remountCount) remounts, \(killCount) kills, "
        + "\(survivorCount) acknowledged files compared after them"
    }
  }

  private let path: String
  private let hasJournal: Bool
  private var random: SplitMix64
  private var current: ModelMount?
  private var lanes: [ModelLane] = []
  private(set) var report = Report()

  /// - Parameter path: An image with a new file system.
  init(path: String, hasJournal: Bool, seed: UInt64, threadCount: Int) throws {
    self.path = path
    self.hasJournal = hasJournal
    random = SplitMix64(seed: seed)
    current = try ModelMount(path)
    for index in 0..<threadCount {
      let found = try mount.fileSystem.create(
        Array("lane\(index)".utf8), in: FileSystem.root, NewInode(mode: 0o040755, user: 0, group: 0),
        mount.resources)
      let root = ModelDirectory(number: found.number, lookupCount: 0, depth: 0)
      try mount.fileSystem.forget(found.number, count: 1, mount.resources)
      lanes.append(
        try ModelLane(index: index, laneCount: threadCount, root: root, seed: random.next(), mount))
    }
    try makeShared()
  }

  private var mount: ModelMount {
    guard let current else { fatalError("a run has a mount but while it is replaced") }
    return current
  }

  private func makeShared() throws {
    for lane in lanes { lane.shared = [] }
    for name in ["shared0", "shared1"] {
      let found = try mount.fileSystem.create(
        Array(name.utf8), in: FileSystem.root, NewInode(mode: 0o100644, user: 0, group: 0), mount.resources)
      for lane in lanes {
        let file = ModelFile(inode: mount.fileSystem.openInode(found.number))
        file.mark.isSettled = true
        lane.shared.append(file)
      }
    }
    try mount.fileSystem.synchronizeAll(mount.resources)
  }

  /// Runs at least `count` operations.
  func run(_ count: Int) throws {
    while report.operationCount < count {
      let phase = min(
        50 + random.below(min(count / 10, 2000)), (count - report.operationCount) / lanes.count + 1)
      let kills = random.oneIn(3)
      if kills { mount.disk.die(afterWrites: random.below(phase * lanes.count)) }
      try runLanes(phase)
      report.operationCount = lanes.reduce(0) { $0 + $1.operationCount }
      report.noSpaceCount = lanes.reduce(0) { $0 + $1.noSpaceCount }
      if kills { try endByKill() } else if random.oneIn(2) { try remount() }
    }
    if !mount.disk.isDead { try remount() }
  }

  private func runLanes(_ count: Int) throws {
    guard lanes.count > 1 else {
      lanes[0].run(count)
      return try checkLanes()
    }
    let isDone = Atomic<Bool>(false)
    let (disk, fileSystem) = (mount.disk, mount.fileSystem)
    // As in a mount: a thread that writes what nobody has asked to be durable.
    let writer = try HostThread(name: "model-writer", cpus: nil) {
      guard let resources = try? ServingResources(device: disk) else { return }
      while !isDone.load(ordering: .relaxed) {
        HostClock.sleep(nanoseconds: 30_000_000)
        // The lanes see the errors that matter.
        try? fileSystem.synchronizeAll(resources)
      }
    }
    let threads = try lanes.map { lane in
      try HostThread(name: "model-\(lane.index)", cpus: nil) { lane.run(count) }
    }
    for thread in threads { thread.join() }
    isDone.store(true, ordering: .relaxed)
    writer.join()
    try checkLanes()
  }

  private func checkLanes() throws {
    let failures = lanes.compactMap(\.failure)
    if !failures.isEmpty { throw ModelStop.failed(failures.joined(separator: "\n")) }
  }

  // MARK: Remounts

  private func remount() throws {
    for lane in lanes { try compare(lane) }
    for lane in lanes {
      for file in lane.unnamed { try mount.fileSystem.forget(file.inode.number, count: 1, mount.resources) }
      lane.unnamed = []
    }
    try mount.fileSystem.close(mount.resources)
    try check("e2fsck -fn", "after a clean end")
    try open()
    for lane in lanes {
      // All is on the disk, and acknowledged.
      lane.settle()
      for file in lane.files() + lane.shared { file.noteSynchronized() }
      try compare(lane)
    }
    report.remountCount += 1
  }

  private func compare(_ lane: ModelLane) throws {
    do {
      try lane.compareAll()
    } catch ModelStop.failed(let text) {
      throw ModelStop.failed("lane \(lane.index), between phases: \(text)")
    }
  }

  private func open() throws {
    // The image's lock ends with the last thread's resources.
    current = nil
    for lane in lanes { lane.release() }
    current = try ModelMount(path)
    for lane in lanes { try lane.use(mount) }
    for (index, name) in ["shared0", "shared1"].enumerated() {
      guard let found = try mount.fileSystem.lookup(Array(name.utf8), in: FileSystem.root, mount.resources)
      else {
        throw ModelStop.failed("\(name) is gone")
      }
      for lane in lanes { lane.shared[index].inode = mount.fileSystem.openInode(found.number) }
    }
  }

  // MARK: Kills

  /// The disk has died, or dies now. All that was acknowledged is there afterwards; then everything is removed.
  private func endByKill() throws {
    mount.disk.die(afterWrites: 0)
    try? mount.fileSystem.synchronizeAll(mount.resources)
    for lane in lanes { lane.unnamed = [] }
    report.killCount += 1
    if !hasJournal {
      try check("e2fsck -fy -E no_optimize_extents", "after a kill", codes: 0...1)
      try check("e2fsck -fn", "after the repair")
    } else if random.oneIn(2) {
      let output = try check("e2fsck -fy -E no_optimize_extents", "after a kill", codes: 0...1)
      // Notes about freed orphans and replay come without a question.
      guard !output.contains("? yes") else { throw ModelStop.failed("repaired after a kill: \(output)") }
      try check("e2fsck -fn", "after a replay by e2fsck")
    }
    current = nil
    for lane in lanes { lane.release() }
    current = try ModelMount(path)
    for lane in lanes {
      try lane.useAfterKill(mount)
      report.survivorCount += try lane.checkAcknowledged()
    }
    for lane in lanes { try lane.removeEverything() }
    for name in ["shared0", "shared1"] {
      try mount.fileSystem.unlink(Array(name.utf8), in: FileSystem.root, mount.resources)
    }
    try makeShared()
    try mount.fileSystem.close(mount.resources)
    try check("e2fsck -fn", "after what was left was removed")
    try open()
  }

  @discardableResult
  private func check(_ command: String, _ note: String, codes: ClosedRange<Int32> = 0...0) throws -> String {
    let result = Command.run("\(command) '\(path)'")
    guard codes.contains(result.exitCode), !result.output.contains("ultiply-claimed") else {
      throw ModelStop.failed("\(command) \(note): \(result.exitCode)\n\(result.output.prefix(3000))")
    }
    return result.output
  }
}
