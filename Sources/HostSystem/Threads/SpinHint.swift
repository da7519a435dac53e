import CLinux

/// Processor instructions for loops that poll.
public enum SpinHint {
  /// Tells the processor that this is a spin loop (`PAUSE`): its sibling thread gets the core's resources.
  @inlinable @inline(__always)
  public static func pause() { linux_pause() }

  /// The time-stamp counter (`RDTSC`), not ordered with the instructions around it.
  @inlinable @inline(__always)
  public static func timestampCounter() -> UInt64 { linux_rdtsc() }

  /// The time-stamp counter after everything before has executed, and before anything after does
  /// (`RDTSCP; LFENCE`).
  @inlinable @inline(__always)
  public static func serializedTimestampCounter() -> UInt64 { linux_rdtscp_fenced() }
}
