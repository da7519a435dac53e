import CExt2

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
  var user: UInt32 { UInt32(raw.i_uid) | UInt32(raw.field(UInt16.self, at: Place.userHigh)) << 16 }
  var group: UInt32 { UInt32(raw.i_gid) | UInt32(raw.field(UInt16.self, at: Place.groupHigh)) << 16 }

  mutating func setOwner(user: UInt32, group: UInt32) {
    raw.i_uid = UInt16(truncatingIfNeeded: user)
    raw.i_gid = UInt16(truncatingIfNeeded: group)
    raw.setField(UInt16(truncatingIfNeeded: user >> 16), at: Place.userHigh)
    raw.setField(UInt16(truncatingIfNeeded: group >> 16), at: Place.groupHigh)
  }

  /// The places of fields that the structure has in unions.
  private enum Place {
    static let blocks = 0x28
    static let blockCountHigh = 0x74
    static let attributeBlockHigh = 0x76
    static let userHigh = 0x78
    static let groupHigh = 0x7A
  }

  /// The block of extended attributes; 0 if there is none.
  var attributeBlock: UInt64 {
    UInt64(raw.i_file_acl) | UInt64(raw.field(UInt16.self, at: Place.attributeBlockHigh)) << 32
  }
  /// The number of 512-byte units, or of blocks in a huge file (`EXT4_HUGE_FILE_FL`).
  var unitCount: UInt64 {
    UInt64(raw.i_blocks) | UInt64(raw.field(UInt16.self, at: Place.blockCountHigh)) << 32
  }

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

  /// Whether ``blockBytes`` may tell of blocks.
  var hasBlocks: Bool {
    flags & UInt32(EXT4_INLINE_DATA_FL) == 0
      && (isRegularFile || isDirectory || isSymbolicLink && byteCount >= 60)
  }

  /// The type as directory entries carry it (`EXT2_FT_`).
  var directoryEntryType: UInt8 { UInt8([0, 5, 3, 0, 2, 0, 4, 0, 1, 0, 7, 0, 6, 0, 0, 0][Int(type >> 12)]) }

  /// The number of ``blockBytes``.
  static let blockByteCount = 60

  /// The 60 bytes that hold block pointers, an extent tree's root, a short symbolic link or a device number (`i_block`).
  var blockBytes: [UInt8] { raw.bytes(at: Place.blocks, count: Self.blockByteCount) }

  /// Replaces the first of ``blockBytes``, at most all of them.
  mutating func setBlockBytes(_ bytes: [UInt8]) {
    raw.setBytes(Array(bytes.prefix(Self.blockByteCount)), at: Place.blocks)
  }

  /// The device number of a special file: the old form in the first word, or the new one in the second.
  var device: UInt64 {
    get {
      let old = raw.field(UInt32.self, at: Place.blocks)
      let new = raw.field(UInt32.self, at: Place.blocks + 4)
      let (major, minor) =
        old != 0 ? (old >> 8 & 0xff, old & 0xff) : (new >> 8 & 0xfff, new & 0xff | new >> 12 & 0xfff00)
      return UInt64(minor & 0xff | (major & 0xfff) << 8) | UInt64(minor & ~0xff) << 12
    }
    set {
      // The kernel's dev_t of 32 bits: 12 bits of major number between 20 of minor.
      let major = UInt32(newValue >> 8 & 0xfff)
      let minor = UInt32(newValue & 0xff | newValue >> 12 & 0xfff00)
      if major < 256, minor < 256 {
        raw.setField(major << 8 | minor, at: Place.blocks)
      } else {
        raw.setField(UInt32(0), at: Place.blocks)
        raw.setField(minor & 0xff | major << 8 | (minor & ~0xff) << 12, at: Place.blocks + 4)
      }
    }
  }
}
