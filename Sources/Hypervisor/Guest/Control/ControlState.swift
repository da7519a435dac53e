/// Whether a machine runs.
public enum ControlState: UInt32, CustomStringConvertible, Sendable {
  /// Its guest runs.
  case running = 0
  /// Its guest is stopped for now.
  case paused = 1

  /// One word.
  public var description: String {
    switch self {
    case .running: "running"
    case .paused: "paused"
    }
  }
}
