import CExt2
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

extension Inode {
  /// Whether `i_extra_isize` covers the field that ends `end` bytes after the first 128.
  private func hasField(endingAt end: UInt16) -> Bool { raw.i_extra_isize >= end }

  private var hasChangeExtra: Bool { hasField(endingAt: 8) }
  private var hasModificationExtra: Bool { hasField(endingAt: 12) }
  private var hasAccessExtra: Bool { hasField(endingAt: 16) }
  private var hasCreation: Bool { hasField(endingAt: 20) }
  private var hasCreationExtra: Bool { hasField(endingAt: 24) }

  var accessTime: InodeTime {
    get { InodeTime(raw.i_atime, extra: hasAccessExtra ? raw.i_atime_extra : 0) }
    set {
      let time = newValue.clamped(to: hasAccessExtra ? InodeTime.longRange : InodeTime.shortRange)
      raw.i_atime = time.low
      if hasAccessExtra { raw.i_atime_extra = time.extra }
    }
  }

  var modificationTime: InodeTime {
    get { InodeTime(raw.i_mtime, extra: hasModificationExtra ? raw.i_mtime_extra : 0) }
    set {
      let time = newValue.clamped(to: hasModificationExtra ? InodeTime.longRange : InodeTime.shortRange)
      raw.i_mtime = time.low
      if hasModificationExtra { raw.i_mtime_extra = time.extra }
    }
  }

  var changeTime: InodeTime {
    get { InodeTime(raw.i_ctime, extra: hasChangeExtra ? raw.i_ctime_extra : 0) }
    set {
      let time = newValue.clamped(to: hasChangeExtra ? InodeTime.longRange : InodeTime.shortRange)
      raw.i_ctime = time.low
      if hasChangeExtra { raw.i_ctime_extra = time.extra }
    }
  }

  /// The time of birth, if the inode has room for it.
  var creationTime: InodeTime? {
    guard hasCreationExtra else { return nil }
    let time = InodeTime(raw.i_crtime, extra: raw.i_crtime_extra)
    // Inodes that were enlarged later have none.
    return raw.i_crtime == 0 && raw.i_crtime_extra == 0 ? nil : time
  }

  /// Takes the time of a write that happened before the inode changed for the last time.
  mutating func noteWrite(at time: InodeTime) {
    modificationTime = time
    // Names or attributes may have changed since the write. What is later than now is the time of a clock that was wrong.
    if changeTime <= time || changeTime > .now() { changeTime = time }
  }

  mutating func setCreationTime(_ time: InodeTime) {
    guard hasCreation else { return }
    let time = time.clamped(to: hasCreationExtra ? InodeTime.longRange : InodeTime.shortRange)
    raw.i_crtime = time.low
    if hasCreationExtra { raw.i_crtime_extra = time.extra }
  }
}
