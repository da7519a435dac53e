import CLinux

/// The clock that durations on the host are measured by.
public enum HostClock {
  /// Nanoseconds since some moment in the past, never set back (`CLOCK_MONOTONIC`).
  public static func monotonicNanoseconds() -> UInt64 { linux_monotonic_nanoseconds() }

  /// Nanoseconds since 1970-01-01 00:00 UTC, set whenever somebody sets the clock (`CLOCK_REALTIME`).
  public static func realtimeNanoseconds() -> UInt64 { linux_realtime_nanoseconds() }

  /// Blocks the calling thread for at least `nanoseconds`, whatever signals arrive.
  public static func sleep(nanoseconds: UInt64) {
    let (deadline, overflow) = linux_monotonic_nanoseconds().addingReportingOverflow(nanoseconds)
    linux_sleep_until(overflow ? UInt64(Int64.max) : deadline)
  }
}
