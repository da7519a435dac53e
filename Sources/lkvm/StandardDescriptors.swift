import Glibc

/// The process's descriptors 0, 1 and 2.
enum StandardDescriptors {
  /// Opens /dev/null for each that is closed: otherwise a disk that is opened later gets its number, and with it what is
  /// meant for the terminal.
  static func ensureOpen() {
    for number: Int32 in 0...2 where fcntl(number, F_GETFD) < 0 {
      // The lowest free number, which is this one.
      _ = unsafe open("/dev/null", O_RDWR)
    }
  }
}
