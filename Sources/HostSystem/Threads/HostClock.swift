import CLinux
import Glibc

/// The clock that durations on the host are measured by.
public enum HostClock {
  /// Nanoseconds since some moment in the past, never set back (`CLOCK_MONOTONIC`).
  public static func monotonicNanoseconds() -> UInt64 { linux_monotonic_nanoseconds() }

  /// Nanoseconds since 1970-01-01 00:00 UTC, set whenever somebody sets the clock (`CLOCK_REALTIME`).
  public static func realtimeNanoseconds() -> UInt64 { linux_realtime_nanoseconds() }

  /// Nanoseconds of CPU time that all threads of this process have used (`CLOCK_PROCESS_CPUTIME_ID`).
  public static func processCPUTimeNanoseconds() -> UInt64 {
    linux_clock_nanoseconds(CLOCK_PROCESS_CPUTIME_ID)
  }

  /// Blocks the calling thread for at least `nanoseconds`, whatever signals arrive.
  public static func sleep(nanoseconds: UInt64) {
    let (deadline, overflow) = linux_monotonic_nanoseconds().addingReportingOverflow(nanoseconds)
    linux_sleep_until(overflow ? UInt64(Int64.max) : deadline)
  }

  /// Blocks the calling thread until `condition` holds, which it checks every 20 us. For the control path.
  package static func sleep(until condition: () -> Bool) { waitForValue { condition() ? true : nil } }

  /// Blocks the calling thread until `value` returns one, which it is asked for every 20 us. For the control path.
  @discardableResult
  package static func waitForValue<Value>(_ value: () -> Value?) -> Value {
    while true {
      if let value = value() { return value }
      sleep(nanoseconds: 20_000)
    }
  }

  /// Blocks the calling thread until `value` returns one, which it is asked for every `interval` nanoseconds.
  ///
  /// - Returns: The value; nil after `timeoutNanoseconds` without one.
  package static func waitForValue<Value>(
    every interval: UInt64, timeoutNanoseconds: UInt64, _ value: () -> Value?
  ) -> Value? {
    let start = monotonicNanoseconds()
    while true {
      if let value = value() { return value }
      guard monotonicNanoseconds() - start < timeoutNanoseconds else { return nil }
      sleep(nanoseconds: interval)
    }
  }
}
