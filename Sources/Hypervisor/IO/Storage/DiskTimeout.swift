import Logging

/// How long a machine waits for storage that does not answer, and what is said then.
enum DiskTimeout {
  /// For the requests in flight when a driver resets its device or disables a queue, and when the machine ends.
  static let nanoseconds: UInt64 = 10_000_000_000

  /// Tells that requests of `disk` are still in flight.
  static func warn(of disk: DiskImage) {
    Logger(label: "disk").warning(
      "disk \(disk.path): its storage does not answer; the guest waits, and the machine can be paused and stopped"
    )
  }
}
