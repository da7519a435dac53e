/// What `vextd ctl` asks. Root and the service's own user get an answer.
public enum VextServiceQuestion: Sendable {
  /// Disks and clients, a line each.
  case list
  /// Figures of each client, a line each.
  case figures

  /// Asks the service that listens at `path`, and returns lines of text.
  public func ask(path: String) throws(VextServiceError) -> String {
    var connection = try VextServiceConnection.open(path: path)
    try connection.greet()
    let request: VextServiceRequest =
      switch self {
      case .list: .list
      case .figures: .figures
      }
    guard case .text(let text) = try connection.askAtStart(request, "question") else {
      throw .lost(path: path)
    }
    return text
  }
}
