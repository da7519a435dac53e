/// What is wrong with a scenario file, and where.
struct ScenarioFault: Error, Equatable {
  /// From 1; nil where the fault belongs to no line.
  let line: Int?
  /// Why the file cannot be used.
  let reason: String
}
