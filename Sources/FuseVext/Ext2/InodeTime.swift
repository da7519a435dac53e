import HostSystem

/// A moment as inodes have it.
struct InodeTime: Equatable, Comparable {
  /// Since 1970-01-01 00:00 UTC; any number, as a request may carry any.
  var seconds: Int64
  var nanoseconds: UInt32

  /// The seconds that 32 bits hold: 1901-12-13 to 2038-01-19.
  static let shortRange = Int64(Int32.min)...Int64(Int32.max)
  /// The seconds that 32 bits and the two of the epoch hold: 1901-12-13 to 2446-05-10.
  static let longRange = Int64(Int32.min)...Int64(Int32.max) + 3 << 32

  static func < (left: InodeTime, right: InodeTime) -> Bool {
    (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
  }

  static func now() -> InodeTime { InodeTime(sinceEpoch: HostClock.realtimeNanoseconds()) }

  init(seconds: Int64, nanoseconds: UInt32) {
    self.seconds = seconds
    self.nanoseconds = nanoseconds
  }

  /// Nanoseconds since 1970.
  init(sinceEpoch time: UInt64) {
    seconds = Int64(time / 1_000_000_000)
    nanoseconds = UInt32(time % 1_000_000_000)
  }

  /// From the 32-bit seconds and the extra word of an inode: 2 bits of epoch, 30 bits of nanoseconds.
  init(_ low: UInt32, extra: UInt32) {
    seconds = Int64(Int32(bitPattern: low)) + Int64(extra & 3) << 32
    nanoseconds = min(extra >> 2, 999_999_999)
  }

  /// The nearest moment of `range`. At its ends there are no nanoseconds, as with the kernel.
  func clamped(to range: ClosedRange<Int64>) -> InodeTime {
    let nearest = min(max(seconds, range.lowerBound), range.upperBound)
    let isInside = nearest > range.lowerBound && nearest < range.upperBound
    return InodeTime(seconds: nearest, nanoseconds: isInside ? min(nanoseconds, 999_999_999) : 0)
  }

  var low: UInt32 { UInt32(truncatingIfNeeded: seconds) }

  /// The extra word of a moment within ``longRange``.
  var extra: UInt32 {
    let epoch = UInt32(truncatingIfNeeded: (seconds &- Int64(Int32(truncatingIfNeeded: seconds))) >> 32) & 3
    return nanoseconds << 2 | epoch
  }
}
