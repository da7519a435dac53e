/// A request of `vextd ctl` or `vextd top`. The service answers root and its own user.
public enum VextServiceQuestion: Sendable {
  /// Disks and clients, a line each.
  case list
  /// The counters of each client, a line each.
  case metrics
  /// What threads and clients have done so far, as ``VextServiceSnapshot/init(text:)`` reads it.
  case snapshot
  /// That no new client may open the disk.
  case drain(disk: String)
  /// That the disk's clients leave it, and that it is closed.
  case detach(disk: String)
  /// That the configuration is read again; the answer is a line for each disk.
  case reload

  private var name: String {
    switch self {
    case .list: "list"
    case .metrics: "stat"
    case .snapshot: "top"
    case .drain(let disk): "drain '\(disk)'"
    case .detach(let disk): "detach '\(disk)'"
    case .reload: "reload (the service's log says more)"
    }
  }

  /// Asks the service that listens at `path`, and returns lines of text.
  public func ask(path: String) throws(VextServiceError) -> String {
    var connection = try VextServiceConnection.open(path: path)
    try connection.greet()
    let request: VextServiceRequest =
      switch self {
      case .list: .list
      case .metrics: .metrics
      case .snapshot: .snapshot
      case .drain(let disk): .drain(disk: disk)
      case .detach(let disk): .detach(disk: disk)
      case .reload: .reload
      }
    // Clients leave a disk when their requests have ended.
    let reply = try connection.askAtStart(request, name, nanoseconds: 30_000_000_000)
    switch reply {
    case .text(let text): return text
    case .done: return ""
    default: throw .lost(path: path)
    }
  }
}
