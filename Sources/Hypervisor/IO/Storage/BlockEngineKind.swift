public import HostSystem

/// The kinds of engines: what carries out disk requests on the host.
public enum BlockEngineKind: String, CaseIterable, Codable, Sendable {
  /// Linux AIO: requests are submitted in batches and completed asynchronously.
  case libaio
  /// io_uring: as ``libaio``, but discards and zeroed ranges are asynchronous too.
  case ioUring = "io_uring"
  /// The I/O thread calls preadv(2), pwritev(2) and fdatasync(2).
  case sync
  /// Each request succeeds at once and moves no data, which isolates the cost of the transport.
  case null

  /// Checks whether this host supports the engine.
  ///
  /// - Throws: the reason why not, as one line.
  public func checkAvailability() throws(IOUringUnavailable) {
    switch self {
    case .ioUring: try IOUring.checkAvailability()
    case .libaio, .sync, .null: break
    }
  }
}
