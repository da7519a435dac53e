import CExt2

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
