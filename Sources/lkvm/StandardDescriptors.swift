import Glibc

/// The process's descriptors 0, 1 and 2.
enum StandardDescriptors {
  /// Opens /dev/null for each closed descriptor.
  ///
  /// Otherwise a disk that is opened later could get the number of standard output, and with it the text for the
  /// terminal.
  static func ensureOpen() {
    for number: Int32 in 0...2 where fcntl(number, F_GETFD) < 0 {
      // The lowest free number, which is this one.
      _ = unsafe open("/dev/null", O_RDWR)
    }
  }
}
