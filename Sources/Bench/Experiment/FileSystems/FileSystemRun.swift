import Foundation

/// One run of `bench fs` from the images to its table.
struct FileSystemRun {
  let settings: FileSystemSettings
  let programs: FileSystemPrograms
  let rows: FileSystemRows
  let progress: ProgressReporter
  let watch: InterruptionWatch

  /// Measures all cells of the plan.
  ///
  /// - Parameters:
  ///   - folder: Where the run's own folder is made, and removed at the end.
  ///   - record: Takes each measurement as soon as it is there.
  /// - Returns: What the reader of the results must know.
  /// - Throws: ``BenchFailure``, or ``RunInterruption`` if the watch said so. Mounts and images are removed then.
  func measure(in folder: String, record: (FileSystemMeasurement) throws -> Void) throws -> [String] {
    FileSystemLeftovers.unmountAbandoned(in: folder)
    let scratch = try ScratchFolder(
      ScratchFolder.path(stem: "\(folder)/\(FileSystemLeftovers.stem)", runID: rows.runID, kind: .disks))
    return try measure(scratch, record)
  }

  /// Borrows the folder, so that it lasts until nothing is mounted in it.
  private func measure(_ scratch: borrowing ScratchFolder, _ record: (FileSystemMeasurement) throws -> Void)
    throws -> [String]
  {
    let mountPoint = "\(scratch.path)/\(FileSystemLeftovers.mountName)"
    do {
      try FileManager.default.createDirectory(atPath: mountPoint, withIntermediateDirectories: false)
    } catch {
      throw BenchFailure(
        "cannot make the folder \(mountPoint): \(error.plainWords)", exitCode: .cannotCreate)
    }
    let path = scratch.path
    let outcome = Result {
      progress.show("making \(settings.contents.count) image(s)")
      let images = try FileSystemImages(in: path, settings: settings, watch: watch)
      let plan = FileSystemPlan(settings)
      for cell in plan.cells {
        if watch.isInterrupted { throw RunInterruption() }
        progress.show(
          "[\(cell.position)/\(plan.cells.count)] \(cell.fileSystem.rawValue), \(cell.workload.rawValue), "
            + "repetition \(cell.repetition) of \(settings.repetitionCount)")
        let image = try images.copy(cell.workload.content)
        let work = try run(cell, image: image, mountPoint: mountPoint, images)
        try FileManager.default.removeItem(atPath: image)
        try record(FileSystemMeasurement(cell: cell, work: work))
      }
    }
    progress.clear()
    // What ended the run early says more than what it left.
    let leftovers = Result { try FileSystemLeftovers.check(path) }
    try outcome.get()
    return try leftovers.get()
  }

  private func run(
    _ cell: FileSystemPlan.Cell, image: String, mountPoint: String, _ images: FileSystemImages
  ) throws -> FileSystemMeasurement.Work {
    let mounted = try MountedFileSystem(
      cell.fileSystem, image: image, at: mountPoint, programs: programs, watch: watch)
    do {
      let work =
        if cell.workload.usesFio {
          try FioLoad(
            workload: cell.workload, size: settings.size, runtime: settings.runtime, seed: cell.seed
          ).run(in: mounted.path, watch: watch)
        } else {
          try FileLoad(
            workload: cell.workload, fileCount: settings.fileCount, archivePath: images.archivePath,
            sources: images.sources, watch: watch
          ).run(in: mounted.path)
        }
      try mounted.unmount()
      try FileSystemImage.check(image)
      return work
    } catch let failure as BenchFailure {
      throw BenchFailure("\(cell.fileSystem.rawValue): \(failure)", exitCode: failure.exitCode)
    }
  }
}
