/// What is wrong with a scenario file, and where.
struct ScenarioFault: Error, Equatable {
  /// From 1; nil where no line is to blame.
  let line: Int?
  /// Why the file cannot be used.
  let reason: String
}
