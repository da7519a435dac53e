/// What all rows of a run have in common.
struct RunContext: Sendable {
  /// Which run.
  var identity: RunIdentity
  /// Where it ran.
  var host: HostDescription
  /// What was asked for.
  var configuration: RunConfiguration
  /// Where the planner put it.
  var placement: PlacementRecord
}
