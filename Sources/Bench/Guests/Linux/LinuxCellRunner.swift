import Foundation
import HostSystem
import Hypervisor

/// Boots the Linux guests of one cell, has fio run in them and reads the results.
final class LinuxCellRunner: CellMeasuring {
  private let configuration: RunConfiguration
  private let linux: LinuxConfiguration
  private let threads: RunPlacement
  private let image: FileSystemImage
  private let folders: SharedFolders
  private let scratchFolder: String
  private let backend: KVMBackend

  /// What may lie outside of a window at each of its ends: fio looks for ended jobs every 10 ms, and a shell that waits
  /// needs time to go to sleep.
  private static let marginNanoseconds: UInt64 = 20_000_000

  /// Plans the placement by the host's topology and the disk's place in it. Starts nothing.
  ///
  /// - Parameters:
  ///   - scratchFolder: where disks and files are made; it may not exist yet.
  ///   - backend: The host's KVM.
  init(
    _ configuration: RunConfiguration, linux: LinuxConfiguration, scratchFolder: String, backend: KVMBackend
  ) throws {
    self.configuration = configuration
    self.linux = linux
    self.backend = backend
    threads = try RunPlacement(configuration, scratchFolder: scratchFolder)
    self.scratchFolder = scratchFolder
    func folder() -> String {
      ScratchFolder.path(stem: "\(scratchFolder)/bench", runID: UUID().uuidString, kind: .files)
    }
    let files = FioJob.files(configuration)
    image = FileSystemImage(files: files, sourceFolder: folder())
    folders = SharedFolders(files: files, path: folder())
  }

  /// What was planned, for the output.
  var placement: PlacementRecord { threads.record }

  /// Checks that this host can do the run: KVM, programs, memory, and the user's disk.
  func checkHost() throws {
    if configuration.needsMachine {
      if let refusal = LinuxRequirements.refusal(on: backend) { throw refusal }
      try HostRequirements.checkKVM()
      _ = try ExitCauseCounter(configuration.exitCounting ?? .stats)
    }
    if configuration.paths.contains(where: { $0.mode == .host }) { try HostCell.check() }
    let storage = configuration.diskPath ?? scratchFolder
    if configuration.startsCold == true, PageCache.isOnlyStorage(of: storage) {
      throw BenchFailure(
        "--cold-cache: the files in \(storage) are in memory, and nothing is below them; --scratch chooses another folder",
        exitCode: .unavailable)
    }
    for mode in configuration.modes { try HostRequirements.checkEngine(mode.engine(configuration.engine)) }
    for vmm in configuration.vmms where vmm.isPeer {
      _ = try PeerRequirements.program(vmm, path: configuration.vmmPath)
    }
    let fileSystems = configuration.paths.map(\.fileSystem)
    if let missing = LinuxRequirements.missing(for: fileSystems, kernelPath: linux.kernelPath) {
      throw BenchFailure("a Linux guest cannot run here: \(missing)", exitCode: .unavailable)
    }
    try HostRequirements.checkMemory(guestCount: configuration.guestCount, byteCount: linux.memory.byteCount)
    guard let path = configuration.diskPath else { return }
    do throws(DiskError) {
      _ = try DiskImage(
        path: path, readOnly: fileSystems == [.none] && !configuration.writesDisk,
        direct: configuration.usesDirectIO, formats: .raw)
    } catch {
      throw BenchFailure("\(error)", exitCode: .noInput)
    }
  }

  /// Boots the cell's guests on `diskPaths` (one a guest), measures one window, and ends them.
  ///
  /// - Throws: ``RunInterruption`` when `watch` says so; whatever went wrong, every thread is joined.
  func run(_ cell: RunCell, diskPaths: [String], watch: InterruptionWatch) throws -> [CellMeasurement] {
    let places = try prepare(cell, diskPaths: diskPaths, watch: watch)
    let files = places.flatMap { hostFiles(of: cell, in: $0) }
    if configuration.dropsCaches {
      try PageCache.drop()
    } else if !configuration.usesDirectIO && configuration.engine.usesStorage
      && configuration.startsCold != true
    {
      for path in Set(files) { try PageCache.warm(path, byteCount: try DiskSize.byteCount(path)) }
    }
    DescriptorLimit.raise()
    let measurements: [CellMeasurement]
    if cell.mode == .host {
      measurements = try HostCell(
        configuration: configuration, cell: cell, diskPath: places[0],
        makeFileSystem: imageKind(cell).map { image.command($0, path: places[0]) } ?? [], watch: watch
      ).measure()
    } else {
      measurements = try boot(cell, diskPaths: places, coldPaths: files, watch: watch)
    }
    if configuration.verifies, let kind = imageKind(cell) {
      for path in places { try FileSystemImage.check(path, kind: kind) }
    }
    return measurements
  }

  /// What bench makes on the disk for `cell`; nil if nothing.
  private func imageKind(_ cell: RunCell) -> FileSystemImage.Kind? {
    switch cell.fileSystem.structure {
    case .blocks, .folder: nil
    case .ext: .ext(linux.imageType ?? .ext4)
    case .xfs: .xfs
    }
  }

  /// Makes the file systems of `cell` on the disks, or folders in place of disks.
  ///
  /// - Returns: The disk or the folder of each guest.
  private func prepare(_ cell: RunCell, diskPaths: [String], watch: InterruptionWatch) throws -> [String] {
    if cell.fileSystem.structure == .folder {
      return try folders.make(guestCount: diskPaths.count) { watch.isInterrupted }
    }
    if let kind = imageKind(cell) {
      for path in diskPaths { try image.make(kind, on: path) { watch.isInterrupted } }
    }
    return diskPaths
  }

  /// The files of the host that a guest's requests end in.
  private func hostFiles(of cell: RunCell, in place: String) -> [String] {
    cell.fileSystem.structure == .folder ? folders.filePaths(in: place).map(\.path) : [place]
  }

  private func boot(
    _ cell: RunCell, diskPaths: [String], coldPaths: [String], watch: InterruptionWatch
  ) throws -> [CellMeasurement] {
    let folder = try RunFolder(guestCount: diskPaths.count)
    return try threads.withIOThreads(
      vmm: cell.vmm, mode: cell.mode, configuration: configuration
    ) { ioThreads in
      var guests: [LinuxGuest] = []
      // Where something failed, that says more than what became of the disks.
      defer { for guest in guests { _ = guest.shutDown() } }
      for (index, path) in diskPaths.enumerated() {
        guests.append(
          try LinuxGuest(
            index: index, cell: cell, configuration: configuration, linux: linux, folder: folder,
            diskPath: path, placement: threads, ioThreads: ioThreads, backend: backend))
      }
      let causes = try ExitCauseCounter(configuration.exitCounting ?? .stats)
      let window = LinuxWindow(
        configuration: configuration, linux: linux, guests: guests, ioThreads: ioThreads, causes: causes,
        watch: watch, coldPaths: configuration.startsCold == true ? coldPaths : [])
      let (timeline, granted) = try window.run()
      for guest in guests { try guest.checkEnd() }
      var measurements = try guests.flatMap { guest in
        try self.measurements(
          of: guest, cell: cell, timeline: timeline, granted: granted[guest.index], causes: causes)
      }
      for index in measurements.indices { measurements[index].causesAbsence = causes.absence }
      let ended = guests
      guests = []
      for failure in ended.flatMap({ $0.shutDown() }) {
        throw BenchFailure(
          "disk \(failure.path): the final flush failed, written data may be lost: \(failure.errno)",
          exitCode: .ioError)
      }
      return measurements
    }
  }

  /// What `guest` did, phase by phase.
  private func measurements(
    of guest: LinuxGuest, cell: RunCell, timeline: UsageTimeline, granted: GrantedPlacement,
    causes: ExitCauseCounter
  ) throws -> [CellMeasurement] {
    let report = try GuestReport(of: guest, verifies: configuration.verifies, job: linux.job)
    return try report.phases.indices.flatMap { phase in
      let whole = try measurement(
        of: guest, phase: phase, report: report, cell: cell, timeline: timeline, granted: granted,
        causes: causes)
      return whole.parts(report.phases[phase].groups, ofPhase: phase, job: linux.job)
    }
  }

  private func measurement(
    of guest: LinuxGuest, phase: Int, report: GuestReport, cell: RunCell, timeline: UsageTimeline,
    granted: GrantedPlacement, causes: ExitCauseCounter
  ) throws -> CellMeasurement {
    let (fio, alignment) = (report.phases[phase].fio, report.phases[phase].alignment)
    guard
      let window = alignment.inner(report.phases[phase].measuredPhase, margin: Self.marginNanoseconds),
      let (first, last) = timeline.cut(window)
    else {
      let name = linux.job.map { $0.phases.count > 1 ? " (\($0.phases[phase].name))" : "" } ?? ""
      throw guest.failure("fio's measured phase\(name) is too short to count exits in it")
    }
    func rates(_ window: ClosedRange<UInt64>?) -> ExitRates? {
      guard let window, let alignment = report.alignmentBefore else { return nil }
      return alignment.inner(window, margin: Self.marginNanoseconds)
        .flatMap { timeline.exitRates(guest: guest.index, within: $0) }
    }
    var conditions = timeline.conditions(within: window)
    conditions.mixedCores = CoreKinds(KernelFiles(root: "/")).mixes(granted.ioThreadCPUs + granted.vcpuCPUs)
    let details = LinuxDetails(
      kernel: report.marks.kernel, fioVersion: fio.version, latencyKind: fio.latencyKind,
      measuredSeconds: fio.measuredSeconds,
      clockUncertaintySeconds: Double(alignment.uncertainty) / 1e9,
      idle: rates(report.marks.idle),
      computing: rates(report.marks.computing),
      makeFileSystem: imageKind(cell).map { image.command($0, path: guest.diskPath) } ?? [],
      job: guest.jobs[phase],
      console: fio.errors + fio.verifyErrors > 0 ? guest.consoleTail : [], fio: fio.json)
    let exits = last.exits[guest.index] - first.exits[guest.index]
    let verifies = linux.job?.phases[phase].verifies ?? configuration.verifies
    return CellMeasurement(
      guestIndex: guest.index, requests: fio.requests, bytes: fio.bytes, errors: fio.errors,
      verifiedBlocks: verifies ? fio.readRequests : 0, verifyErrors: fio.verifyErrors,
      elapsedSeconds: fio.jobSeconds, iops: fio.iops, latency: fio.latency,
      exits: exits,
      causes: causes.causes(guest: guest.index, from: first.causes, to: last.causes, statistics: exits),
      windowSeconds: Double(last.nanoseconds - first.nanoseconds) / 1e9,
      ioThreadCPUSeconds: Double(last.ioThreadNanoseconds - first.ioThreadNanoseconds) / 1e9
        / Double(configuration.guestCount),
      vcpuCPUSeconds: Double(last.vcpuNanoseconds[guest.index] - first.vcpuNanoseconds[guest.index]) / 1e9,
      diskByteCount: cell.fileSystem.structure == .folder
        ? folders.byteCount : try DiskSize.byteCount(guest.diskPath), granted: granted, linux: details,
      peer: guest.peer, conditions: conditions)
  }
}
