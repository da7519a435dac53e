import CExt2
import HostSystem

/// A moment as inodes have it.
struct InodeTime: Equatable, Comparable {
  var seconds: Int64
  var nanoseconds: UInt32

  static func < (left: InodeTime, right: InodeTime) -> Bool {
    (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
  }

  static func now() -> InodeTime {
    let time = HostClock.realtimeNanoseconds()
    return InodeTime(seconds: Int64(time / 1_000_000_000), nanoseconds: UInt32(time % 1_000_000_000))
  }

  init(seconds: Int64, nanoseconds: UInt32) {
    self.seconds = seconds
    self.nanoseconds = nanoseconds
  }

  /// From the 32-bit seconds and the extra word of an inode: 2 bits of epoch, 30 bits of nanoseconds.
  init(_ low: UInt32, extra: UInt32) {
    seconds = Int64(Int32(bitPattern: low)) + Int64(extra & 3) << 32
    nanoseconds = min(extra >> 2, 999_999_999)
  }

  var low: UInt32 { UInt32(truncatingIfNeeded: seconds) }

  var extra: UInt32 {
    let epoch = UInt32(truncatingIfNeeded: (seconds - Int64(Int32(truncatingIfNeeded: seconds))) >> 32) & 3
    return nanoseconds << 2 | epoch
  }

  /// The nearest time that an inode without extra words can hold.
  var clamped: UInt32 { UInt32(bitPattern: Int32(clamping: seconds)) }
}

extension Inode {
  /// Whether the inode is large enough for nanoseconds and years after 2038.
  private var hasExtraTimes: Bool { raw.i_extra_isize >= 24 }

  var accessTime: InodeTime {
    get { InodeTime(raw.i_atime, extra: hasExtraTimes ? raw.i_atime_extra : 0) }
    set {
      raw.i_atime = hasExtraTimes ? newValue.low : newValue.clamped
      if hasExtraTimes { raw.i_atime_extra = newValue.extra }
    }
  }

  var modificationTime: InodeTime {
    get { InodeTime(raw.i_mtime, extra: hasExtraTimes ? raw.i_mtime_extra : 0) }
    set {
      raw.i_mtime = hasExtraTimes ? newValue.low : newValue.clamped
      if hasExtraTimes { raw.i_mtime_extra = newValue.extra }
    }
  }

  var changeTime: InodeTime {
    get { InodeTime(raw.i_ctime, extra: hasExtraTimes ? raw.i_ctime_extra : 0) }
    set {
      raw.i_ctime = hasExtraTimes ? newValue.low : newValue.clamped
      if hasExtraTimes { raw.i_ctime_extra = newValue.extra }
    }
  }

  /// The time of birth, if the inode has room for it.
  var creationTime: InodeTime? {
    guard raw.i_extra_isize >= 24 else { return nil }
    let time = InodeTime(raw.i_crtime, extra: raw.i_crtime_extra)
    // Inodes that were enlarged later have none.
    return raw.i_crtime == 0 && raw.i_crtime_extra == 0 ? nil : time
  }

  mutating func setCreationTime(_ time: InodeTime) {
    guard hasExtraTimes else { return }
    raw.i_crtime = time.low
    raw.i_crtime_extra = time.extra
  }
}
