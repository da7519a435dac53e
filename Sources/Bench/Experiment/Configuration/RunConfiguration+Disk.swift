import Hypervisor

extension RunConfiguration {
  /// Whether the workload writes to the disk, as far as is known: a job file may.
  var writesDisk: Bool { rw.writes || verifies || linux?.job != nil }

  /// Whether the file behind a micro guest's disk is opened with O_DIRECT: an engine that uses no file needs no file system that has it.
  var opensDirectly: Bool { usesDirectIO && engine.usesStorage }

  /// What a file system needs beside the workload's data: its own structures, and a journal.
  private static let structureByteCount: UInt64 = 64 << 20

  /// mkfs.xfs refuses disks of less than 300 MiB.
  private static let leastXFSByteCount: UInt64 = 320 << 20

  /// The size of a disk that bench makes: the workload's region, and the file system around it.
  var scratchDiskSize: ByteSize {
    guard hasFileSystem else { return regionSize }
    let byteCount = regionSize.byteCount + regionSize.byteCount / 16 + Self.structureByteCount
    let whole = ((byteCount + (1 << 20) - 1) >> 20) << 20
    let hasXFS = paths.contains { $0.fileSystem.structure == .xfs }
    return ByteSize(byteCount: hasXFS ? max(whole, Self.leastXFSByteCount) : whole)
  }

  /// Whether bench makes a file system on the disk.
  var hasFileSystem: Bool {
    paths.contains { $0.fileSystem.structure == .ext || $0.fileSystem.structure == .xfs }
  }

  /// How much of a disk of `byteCount` bytes the workload can have under a file system.
  static func regionByteCount(ofDiskWithFileSystem byteCount: UInt64) -> UInt64 {
    byteCount < structureByteCount ? 0 : (byteCount - structureByteCount) / 17 * 16
  }

  /// Bytes that the jobs of a user's file have, in whole blocks of a file system.
  var jobFileByteCount: UInt64 { regionSize.byteCount / 4096 * 4096 }

  /// Bytes of the region for each worker of a Linux guest, in whole blocks of the workload and of 4 KiB.
  var sliceByteCount: UInt64 {
    let unit = max(4096, blockSize.byteCount)
    let aligned = unit.isMultiple(of: 4096) ? unit : unit * 8
    return regionSize.byteCount / UInt64(workerCount) / aligned * aligned
  }
}
