/// What serves the requests on the host.
enum IOEngineKind: String, CaseIterable, Codable, Sendable {
  /// Linux asynchronous I/O (`io_submit`), completions reaped from the mapped ring.
  case libaio
  /// `preadv` and `pwritev` in the I/O thread.
  case sync
  /// Completes at once and touches no file: the cost of the transport alone.
  case null
}
