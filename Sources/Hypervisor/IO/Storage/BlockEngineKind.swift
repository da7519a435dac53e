public import HostSystem

/// Who moves the bytes.
public enum BlockEngineKind: String, CaseIterable, Codable, Sendable {
  /// Linux AIO: submitted in batches, completed asynchronously.
  case libaio
  /// io_uring: the same, and discards and zeroed ranges leave the I/O thread too.
  case ioUring = "io_uring"
  /// preadv, pwritev and fdatasync by the I/O thread itself.
  case sync
  /// Nobody: each request succeeds at once and moves nothing. The cost of the transport alone.
  case null

  /// Tries whether this host has what the engine needs.
  ///
  /// - Throws: Why not, in one line.
  public func checkAvailability() throws(IOUringUnavailable) {
    switch self {
    case .ioUring: try IOUring.checkAvailability()
    case .libaio, .sync, .null: break
    }
  }
}
