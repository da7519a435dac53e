import Foundation
import HostSystem
import Hypervisor
import SystemPackage

/// Boots the guests of one cell, runs the workload and reads the results.
struct CellRunner: CellMeasuring {
  private let configuration: RunConfiguration
  private let plan: Placement

  /// Plans the placement; looks at the host's topology and the disk's place in it, and starts nothing.
  ///
  /// - Parameter scratchFolder: where the disks are made unless the user named one; it may not exist yet.
  init(_ configuration: RunConfiguration, scratchFolder: String) throws {
    self.configuration = configuration
    let storage = configuration.diskPath ?? Self.existingFolder(scratchFolder)
    let request = PlacementRequest(
      guests: configuration.guestCount, vcpusPerGuest: configuration.workerCount,
      pollers: configuration.pollerCount, storageNode: StorageLocation.numaNode(ofFile: storage),
      interruptCPUs: configuration.engine == .null
        ? CPUSet([]) : StorageLocation.interruptCPUs(ofFile: storage),
      pollerCPUs: configuration.pollerCPUs, vcpuCPUs: configuration.vcpuCPUs, numaNode: configuration.numaNode
    )
    do {
      plan = try PlacementPlanner.plan(request, on: NUMATopology.read())
    } catch let error as PlacementError {
      throw BenchFailure("\(error)", exitCode: .usage)
    }
  }

  /// `path`, or the nearest folder above it that exists.
  private static func existingFolder(_ path: String) -> String {
    var folder = path
    while !folder.isEmpty && folder != "/" && !FileManager.default.fileExists(atPath: folder) {
      folder = (folder as NSString).deletingLastPathComponent
    }
    return folder.isEmpty ? "." : folder
  }

  /// What was planned, for the output.
  var placement: PlacementRecord {
    PlacementRecord(
      pollerCPUs: plan.pollerCPUs, vcpuCPUs: plan.vcpuCPUs, numaNode: plan.memoryNode,
      oversubscribed: plan.oversubscribed, notes: plan.notes)
  }

  /// Whether the run writes to its disk.
  private var writes: Bool { configuration.rw.writes || configuration.verifies }

  /// Checks that this host can do the run: KVM, memory, and the user's disk.
  func checkHost() throws {
    do throws(KVMError) {
      _ = try KVMSystem()
    } catch {
      throw BenchFailure(
        "\(error)",
        exitCode: error == .cannotOpen(path: KVMSystem.defaultPath, .permissionDenied)
          ? .noPermission : .unavailable)
    }
    do throws(IOUringUnavailable) {
      try configuration.engine.checkAvailability()
    } catch {
      throw BenchFailure("--engine \(error)", exitCode: .unavailable)
    }
    guard let layout = GuestLayout(configuration) else {
      throw BenchFailure(
        "--iodepth, --bs and --workers together need more memory than a micro guest can have (3 GiB)",
        exitCode: .usage)
    }
    let needed = layout.memoryByteCount * UInt64(configuration.guestCount)
    if let available = HostMemory.availableByteCount(), needed > available {
      throw BenchFailure(
        "\(configuration.guestCount) guest(s) need \(needed >> 20) MiB of memory and only \(available >> 20) MiB "
          + "are available", exitCode: .unavailable)
    }
    if let path = configuration.diskPath { _ = try openDisk(path) }
  }

  private func openDisk(_ path: String) throws -> DiskImage {
    do {
      let disk = try DiskImage(path: path, readOnly: !writes, direct: configuration.usesDirectIO)
      let block = UInt64(disk.handle.blockByteCount)
      guard configuration.blockSize.byteCount.isMultiple(of: block) else {
        throw BenchFailure(
          "the disk \(path) takes multiples of \(block) bytes with O_DIRECT: use a larger --bs, or --no-direct",
          exitCode: .usage)
      }
      return disk
    } catch let error as DiskError {
      throw BenchFailure("\(error)", exitCode: .noInput)
    }
  }

  /// Boots the cell's guests on `diskPaths` (one a guest), measures one window, and ends them.
  ///
  /// - Throws: ``RunInterruption`` when `watch` says so; whatever went wrong, every thread is joined.
  func run(_ cell: RunCell, diskPaths: [String], watch: InterruptionWatch) throws -> [CellMeasurement] {
    var opened: [String: DiskImage] = [:]
    for path in Set(diskPaths) { opened[path] = try openDisk(path) }
    if !configuration.usesDirectIO && configuration.engine != .null {
      for path in opened.keys { try PageCache.warm(path, byteCount: configuration.regionSize.byteCount) }
    }
    return try run(cell, disks: diskPaths.compactMap { opened[$0] }, watch: watch)
  }

  /// The same on disks that are open already, one a guest; guests may share one.
  func run(_ cell: RunCell, disks: [DiskImage], watch: InterruptionWatch) throws -> [CellMeasurement] {
    // This thread looks at the guests now and then; it must not do so on an I/O thread's CPU.
    let affinity = try HostThread.currentCPUs()
    try HostThread.pinCurrent(to: plan.housekeepingCPUs)
    // Back to where it was: fails only if those CPUs went offline meanwhile, and then the kernel has moved it.
    defer { try? HostThread.pinCurrent(to: affinity) }
    let system = try KVMSystem()
    var pollers: [IOThread] = []
    defer { for poller in pollers { poller.stop() } }
    for (index, cpu) in plan.pollerCPUs.enumerated() {
      pollers.append(
        try IOThread(
          name: "io\(index)", cpus: CPUSet([cpu]), waiting: cell.mode.waiting,
          engine: configuration.engine))
    }
    var guests: [BenchGuest] = []
    defer { for guest in guests { guest.shutDown() } }
    for (index, disk) in disks.enumerated() {
      guests.append(
        try BenchGuest(
          index: index, configuration: configuration, mode: cell.mode, seed: cell.seed, placement: plan,
          disk: disk, pollers: pollers, system: system))
    }
    let window = MeasurementWindow(
      configuration: configuration, guests: guests, pollers: pollers, watch: watch)
    return try window.measure(diskByteCounts: disks.map(\.handle.byteCount))
  }
}
