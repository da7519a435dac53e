import HostSystem

/// Waits until `condition` holds, for ten seconds or `seconds` at most; tells whether it does.
func eventually(within seconds: UInt64 = 10, _ condition: () throws -> Bool) rethrows -> Bool {
  let deadline = HostClock.monotonicNanoseconds() + seconds * 1_000_000_000
  while HostClock.monotonicNanoseconds() < deadline {
    if try condition() { return true }
    HostClock.sleep(nanoseconds: 20_000)
  }
  return try condition()
}
