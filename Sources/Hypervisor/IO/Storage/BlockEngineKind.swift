public import HostSystem

/// The kinds of engines: what carries out disk requests on the host.
public enum BlockEngineKind: String, CaseIterable, Codable, Sendable {
  /// Linux AIO: requests are submitted in batches and completed asynchronously.
  case libaio
  /// io_uring: as ``libaio``, but discards and zeroed ranges are asynchronous too.
  case ioUring = "io_uring"
  /// The I/O thread calls preadv(2), pwritev(2) and fdatasync(2).
  case sync
  /// The I/O thread copies between guest memory and a copy of the image in memory (``DiskImage/init(path:readOnly:direct:formats:inMemory:)``).
  case memory
  /// Each request succeeds at once and moves no data, which isolates the cost of the transport.
  case null

  /// Whether requests reach a file or device of the host.
  public var usesStorage: Bool {
    switch self {
    case .libaio, .ioUring, .sync: true
    case .memory, .null: false
    }
  }

  /// Checks whether this host supports the engine.
  ///
  /// - Throws: the reason why not, as one line.
  public func checkAvailability() throws(IOUringUnavailable) {
    switch self {
    case .ioUring: try IOUring.checkAvailability()
    case .libaio, .sync, .memory, .null: break
    }
  }
}
