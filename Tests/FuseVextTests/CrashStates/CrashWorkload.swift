@testable import FuseVext
import HostSystem
import SystemPackage

/// Operations of one or several threads on a new file system, and what they wrote to its disk.
struct CrashWorkload {
  let seed: UInt64
  let kind: CrashImage.Kind
  let usesJournal: Bool
  let lanes: [CrashLane]
  /// How many operations of each thread lie before the record.
  let starts: [Int]
  /// The disk where the record begins: all of it is durable.
  let base: CrashMemory
  let events: [CrashEvent]
  /// The blocks of the journal, its superblock first.
  let journalBlocks: [Int]

  /// Runs it.
  init(seed: UInt64, image: CrashImage, settings: CrashSettings) throws {
    self.seed = seed
    kind = image.kind
    usesJournal = settings.usesJournal && kind.hasJournal
    var random = SplitMix64(seed: seed)
    let disk = CrashDisk(CrashMemory(image.bytes), blockByteCount: kind.blockByteCount)
    let resources = try ServingResources(device: disk)
    let durability: FileSystem.Durability =
      switch random.below(12) {
      case 0: .everything
      case 1: .names
      default: .byFlags
      }
    let fileSystem = try CrashMount.open(
      disk, resources, usesJournal: usesJournal, discards: random.oneIn(4), durability)
    journalBlocks = try kind.hasJournal ? Self.journalBlocks(fileSystem, resources) : []
    let laneCount = random.oneIn(5) ? 3 : 1
    let lanes = try (0..<laneCount).map { index in
      let directory = try fileSystem.create(
        Array("lane\(index)".utf8), in: FileSystem.root, NewInode(mode: 0o040755, user: 0, group: 0),
        resources)
      return try CrashLane(
        index: index, directory: directory.number, disk: disk, fileSystem: fileSystem,
        blockByteCount: image.kind.blockByteCount, seed: random.next())
    }
    self.lanes = lanes
    for lane in lanes { lane.run(random.below(15)) }
    if usesJournal, random.oneIn(2) {
      try Self.fillLog(random.below(400), lanes[0].model.nodes[0].number, fileSystem, resources)
    }
    try fileSystem.synchronizeAll(resources)
    starts = lanes.map(\.model.operation)
    base = CrashMemory(copying: disk.memory)

    disk.startRecording()
    let count = (10 + random.below(51)) / lanes.count
    if lanes.count == 1 {
      lanes[0].run(count)
    } else {
      let threads = try lanes.map { lane in
        try HostThread(name: "crash-lane", cpus: nil) { lane.run(count) }
      }
      for thread in threads { thread.join() }
    }
    if random.oneIn(4), !lanes.contains(where: \.hasEnded) {
      lanes[0].perform("unmount", promise: .everything) { (_) throws(Errno) in try fileSystem.close(resources)
      }
    }
    events = settings.defect.applied(to: disk.stopRecording())
  }

  /// Commits small changes, so that the log's end comes at some point of the record.
  private static func fillLog(
    _ count: Int, _ directory: UInt32, _ fileSystem: FileSystem, _ resources: ServingResources
  ) throws {
    for step in 0..<count {
      var change = FileSystem.AttributeChange()
      change.modificationTime = InodeTime(seconds: Int64(step), nanoseconds: 0)
      _ = try fileSystem.setAttributes(change, of: directory, resources)
      try fileSystem.flush(resources)
    }
  }

  private static func journalBlocks(_ fileSystem: FileSystem, _ resources: ServingResources) throws -> [Int] {
    try fileSystem.inspect(resources) { (metadata) throws(Errno) in
      try metadata.runs(of: try metadata.inode(8)).runs.flatMap { run in
        (0..<run.count).map { Int(run.physical + $0) }
      }
    }
  }
}

/// Opening a file system for a workload or after it.
enum CrashMount {
  /// Mounts for writing: replays the journal and frees what has no name.
  static func open(
    _ disk: CrashDisk, _ resources: ServingResources, usesJournal: Bool, discards: Bool = false,
    _ durability: FileSystem.Durability = .byFlags
  ) throws -> FileSystem {
    let fileSystem = try FileSystem(
      device: disk, resources: resources, readOnly: false, discards: discards, durability: durability,
      writesJournal: usesJournal)
    try fileSystem.begin(resources)
    return fileSystem
  }
}
