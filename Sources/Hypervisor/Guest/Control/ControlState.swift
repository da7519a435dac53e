/// Whether a machine runs or is paused.
public enum ControlState: UInt32, CustomStringConvertible, Sendable {
  /// The guest runs.
  case running = 0
  /// The guest is paused.
  case paused = 1

  /// The state as one word.
  public var description: String {
    switch self {
    case .running: "running"
    case .paused: "paused"
    }
  }
}
