/// Bounds of one pass of an I/O thread, so that one queue cannot starve the others.
enum PassLimit {
  /// Maximum number of requests taken from one queue in one pass.
  static let requestsPerQueue = 64
  /// Maximum number of completions reaped in one pass.
  static let completions = 256
}
