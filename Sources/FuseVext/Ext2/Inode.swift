import CExt2
import Glibc

/// An inode as it is on the disk (ext4's `struct ext4_inode`), with the words of the format's halves put together.
struct Inode {
  let number: UInt32
  var raw = ext2_inode_large()

  init(number: UInt32) { self.number = number }

  var mode: UInt16 {
    get { raw.i_mode }
    set { raw.i_mode = newValue }
  }
  var linkCount: UInt16 {
    get { raw.i_links_count }
    set { raw.i_links_count = newValue }
  }
  var flags: UInt32 {
    get { raw.i_flags }
    set { raw.i_flags = newValue }
  }
  var deletionTime: UInt32 {
    get { raw.i_dtime }
    set { raw.i_dtime = newValue }
  }
  var byteCount: UInt64 { UInt64(raw.i_size) | UInt64(raw.i_size_high) << 32 }
  var user: UInt32 { unsafe withUnsafePointer(to: raw) { unsafe cext2_user($0) } }
  var group: UInt32 { unsafe withUnsafePointer(to: raw) { unsafe cext2_group($0) } }

  mutating func setOwner(user: UInt32, group: UInt32) { unsafe cext2_set_owner(&raw, user, group) }

  /// The bits of `mode` that tell what kind of file it is (`S_IFMT`).
  var type: UInt16 { mode & 0o170000 }
  var isDirectory: Bool { type == 0o040000 }
  var isRegularFile: Bool { type == 0o100000 }
  var isSymbolicLink: Bool { type == 0o120000 }
  var usesExtents: Bool { flags & UInt32(EXT4_EXTENTS_FL) != 0 }
  var isIndexed: Bool { flags & UInt32(EXT2_INDEX_FL) != 0 }
  var isImmutable: Bool { flags & UInt32(EXT2_IMMUTABLE_FL) != 0 }
  var isSynchronous: Bool { flags & UInt32(EXT2_SYNC_FL) != 0 }
  /// Whether changes of a directory's names are durable when they are answered.
  var hasSynchronousNames: Bool { flags & UInt32(EXT2_SYNC_FL | EXT2_DIRSYNC_FL) != 0 }
  /// Whether reads leave the time of access as it is.
  var keepsAccessTime: Bool { flags & UInt32(EXT2_NOATIME_FL) != 0 }
  /// Whether attributes and names must stay as they are: immutable or append-only.
  var isProtected: Bool { isImmutable || isAppendOnly }
  var isAppendOnly: Bool { flags & UInt32(EXT2_APPEND_FL) != 0 }

  /// Whether the words of ``withBlockWords(_:)`` may tell of blocks.
  var hasBlocks: Bool {
    flags & UInt32(EXT4_INLINE_DATA_FL) == 0
      && (isRegularFile || isDirectory || isSymbolicLink && byteCount >= 60)
  }

  /// The type as directory entries carry it (`EXT2_FT_`).
  var directoryEntryType: UInt8 { UInt8([0, 5, 3, 0, 2, 0, 4, 0, 1, 0, 7, 0, 6, 0, 0, 0][Int(type >> 12)]) }

  /// The 60 bytes of block pointers.
  mutating func withBlockWords<Result>(_ body: (UnsafeMutableRawBufferPointer) -> Result) -> Result {
    // SAFETY: i_block is 15 words, in an inode that stays where it is during the call.
    unsafe body(UnsafeMutableRawBufferPointer(start: cext2_block_words(&raw), count: 60))
  }

  /// The device number of a special file: the old form in the first word, or the new one in the second.
  var device: UInt64 {
    get {
      var copy = self
      return unsafe copy.withBlockWords { words in
        let old = unsafe words.loadUnaligned(fromByteOffset: 0, as: UInt32.self)
        let new = unsafe words.loadUnaligned(fromByteOffset: 4, as: UInt32.self)
        let (major, minor) =
          old != 0
          ? (old >> 8 & 0xff, old & 0xff) : (new >> 8 & 0xfff, new & 0xff | new >> 12 & 0xfff00)
        return UInt64(minor & 0xff | (major & 0xfff) << 8) | UInt64(minor & ~0xff) << 12
      }
    }
    set {
      // The kernel's dev_t of 32 bits: 12 bits of major number between 20 of minor.
      let major = UInt32(newValue >> 8 & 0xfff)
      let minor = UInt32(newValue & 0xff | newValue >> 12 & 0xfff00)
      unsafe withBlockWords { words in
        if major < 256, minor < 256 {
          unsafe words.storeBytes(of: major << 8 | minor, toByteOffset: 0, as: UInt32.self)
        } else {
          unsafe words.storeBytes(of: 0, toByteOffset: 0, as: UInt32.self)
          unsafe words.storeBytes(
            of: minor & 0xff | major << 8 | (minor & ~0xff) << 12, toByteOffset: 4, as: UInt32.self)
        }
      }
    }
  }
}
