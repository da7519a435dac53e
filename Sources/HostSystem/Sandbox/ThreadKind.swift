/// The purpose of a thread, which decides what it may do (``ThreadRestrictions``).
public enum ThreadKind: UInt32, CaseIterable, Sendable {
  /// The process's first thread: it starts the others, waits for the end, and cleans up.
  case main
  /// Runs a vCPU, and answers its port and memory accesses.
  case vcpu
  /// Serves the queues of disks.
  case io
  /// Serves consoles, network cards and other slow devices.
  case device
  /// Serves shared folders.
  case share
  /// Runs a network in user space.
  case network
  /// Answers commands of other processes.
  case control
  /// Writes log lines, or watches a connection.
  case watcher
  /// Shows a guest's screen, and takes the input of its keyboard and mouse.
  case display

  /// The kind in messages: "the vCPU thread".
  public var label: String {
    switch self {
    case .main: "main"
    case .vcpu: "vCPU"
    case .io: "I/O"
    case .device: "device"
    case .share: "share"
    case .network: "network"
    case .control: "control"
    case .watcher: "watcher"
    case .display: "display"
    }
  }
}
