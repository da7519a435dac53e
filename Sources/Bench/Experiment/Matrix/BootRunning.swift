/// Boots once; a test puts a fake in its place.
protocol BootRunning {
  /// Runs `arguments` on `side`, with all output to `logPath`.
  ///
  /// - Returns: The exit code.
  /// - Throws: ``RunInterruption`` if `watch` said so; ``BenchFailure`` if the program cannot be started or does not end.
  func run(
    _ side: ExperimentSide, arguments: [String], logPath: String, secondLimit: Double,
    watch: InterruptionWatch
  ) throws -> Int32
}
