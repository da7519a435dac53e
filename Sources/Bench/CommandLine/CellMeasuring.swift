/// Boots the guests of a cell and measures them; a test puts a fake in its place.
protocol CellMeasuring {
  /// Where threads and memory are to be.
  var placement: PlacementRecord { get }

  /// Checks that this host can do the run.
  func checkHost() throws

  /// Boots all guests on the data path of `cell`, runs the workload, and takes the machines down again.
  ///
  /// - Parameters:
  ///   - cell: The path, and the workload's seed.
  ///   - diskPaths: The disk of each guest, which are the same path where guests share one.
  ///   - watch: To be asked while waiting; when it says so, the machines are taken down early.
  /// - Returns: One measurement for each guest.
  /// - Throws: ``RunInterruption`` if the watch said so; whatever else ends the run.
  func run(_ cell: RunCell, diskPaths: [String], watch: InterruptionWatch) throws -> [CellMeasurement]
}
