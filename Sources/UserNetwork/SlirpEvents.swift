import CLinux
import CSlirp

/// The two ways to say what a descriptor is ready for: libslirp's and poll(2)'s.
enum SlirpEvents {
  private static let pairs: [(slirp: Int32, poll: Int32)] = [
    (Int32(SLIRP_POLL_IN), POLLIN), (Int32(SLIRP_POLL_OUT), POLLOUT),
    (Int32(SLIRP_POLL_PRI), POLLPRI), (Int32(SLIRP_POLL_ERR), POLLERR),
    (Int32(SLIRP_POLL_HUP), POLLHUP),
  ]

  /// libslirp's bits as poll's.
  static func poll(_ events: Int32) -> Int32 {
    pairs.reduce(0) { events & $1.slirp != 0 ? $0 | $1.poll : $0 }
  }

  /// poll's bits as libslirp's.
  static func slirp(_ events: Int32) -> Int32 {
    pairs.reduce(0) { events & $1.poll != 0 ? $0 | $1.slirp : $0 }
  }
}
