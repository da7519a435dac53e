/// The reason why there are no balloon statistics.
public enum BalloonError: Error, Equatable, Sendable, CustomStringConvertible {
  /// No driver has started the device.
  case noDriver
  /// The driver runs, but did not accept VIRTIO_BALLOON_F_STATS_VQ.
  case statisticsNotSupported
  /// The driver did not answer in time.
  case timedOut

  /// The error message: one line.
  public var description: String {
    switch self {
    case .noDriver: "the guest has no driver for the memory balloon (CONFIG_VIRTIO_BALLOON)"
    case .statisticsNotSupported: "the guest's balloon driver has no memory statistics"
    case .timedOut: "the guest's balloon driver did not answer in time"
    }
  }
}
