import HostSystem

/// The order in which `bench fs` measures: in each repetition every workload runs once on every file system.
///
/// The cells of one workload follow one another in random order, so that pairs of file systems are close in time. The order of the
/// workloads is random too.
struct FileSystemPlan: Equatable, Sendable {
  /// One measurement.
  struct Cell: Equatable, Sendable {
    /// Its place in the run, from 1.
    let position: Int
    let fileSystem: HostFileSystem
    let workload: HostWorkload
    /// From 1.
    let repetition: Int
    /// What random choices of the workload follow from: the same for all file systems of the repetition.
    let seed: UInt64
  }

  /// What runs, first to last.
  let cells: [Cell]

  /// The plan that follows from `settings`.
  init(_ settings: FileSystemSettings) {
    var generator = SplitMix64(seed: settings.seed)
    var cells: [Cell] = []
    for repetition in 0..<max(0, settings.repetitionCount) {
      // 31 bits: what fio takes as a seed.
      let seed = generator.next() >> 33
      for workload in settings.workloads.shuffled(using: &generator) {
        for fileSystem in settings.fileSystems.shuffled(using: &generator) {
          cells.append(
            Cell(
              position: cells.count + 1, fileSystem: fileSystem, workload: workload,
              repetition: repetition + 1,
              seed: seed))
        }
      }
    }
    self.cells = cells
  }
}
