/// How a run counts vmexits: `--exits`.
enum ExitCounting: String, CaseIterable, Codable, Sendable {
  /// By KVM's statistics, which cost nothing and tell few causes.
  case stats
  /// By KVM's statistics, and by causes with counters of its tracepoints; a host that does not allow these is an error.
  case trace
  /// By causes too where the host allows it.
  case auto
}
