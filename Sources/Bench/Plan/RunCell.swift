/// One boot of all the guests of a run, in one mode.
struct RunCell: Codable, Equatable, Sendable {
  /// Place in the run's order, from 0.
  var index: Int
  /// The data path.
  var mode: DataPathMode
  /// Which repetition, from 1.
  var repetition: Int
  /// Seed of the guests' workload: the same for all modes of a repetition, so that they do the same work.
  var seed: UInt64
}
