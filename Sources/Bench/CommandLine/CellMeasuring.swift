/// Boots the guests of a cell and measures them; a test puts a fake in its place.
protocol CellMeasuring {
  /// Boots all guests in the mode of `cell`, runs the workload, and takes the machines down again.
  ///
  /// - Parameters:
  ///   - cell: The mode, and the workload's seed.
  ///   - diskPaths: The disk of each guest, which are the same path where guests share one.
  ///   - watch: To be asked while waiting; when it says so, the machines are taken down early.
  /// - Returns: One measurement for each guest.
  /// - Throws: ``RunInterruption`` if the watch said so; whatever else ends the run.
  func run(_ cell: RunCell, diskPaths: [String], watch: InterruptionWatch) throws -> [CellMeasurement]
}
