import CExt2

/// Names of the features that a superblock may ask for, as mke2fs spells them.
enum Feature {
  /// The supported features.
  private static let supportedIncompatible = UInt32(
    EXT2_FEATURE_INCOMPAT_FILETYPE | EXT2_FEATURE_INCOMPAT_META_BG | EXT3_FEATURE_INCOMPAT_EXTENTS
      | EXT4_FEATURE_INCOMPAT_64BIT | EXT4_FEATURE_INCOMPAT_FLEX_BG | EXT4_FEATURE_INCOMPAT_CSUM_SEED
      | EXT4_FEATURE_INCOMPAT_LARGEDIR | EXT3_FEATURE_INCOMPAT_RECOVER | EXT4_FEATURE_INCOMPAT_EA_INODE
      | EXT4_FEATURE_INCOMPAT_ENCRYPT | EXT4_FEATURE_INCOMPAT_INLINE_DATA
      | EXT4_FEATURE_INCOMPAT_MMP | EXT4_FEATURE_INCOMPAT_CASEFOLD)
  private static let supportedReadOnlyCompatible = UInt32(
    EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER | EXT2_FEATURE_RO_COMPAT_LARGE_FILE | EXT4_FEATURE_RO_COMPAT_HUGE_FILE
      | EXT4_FEATURE_RO_COMPAT_GDT_CSUM | EXT4_FEATURE_RO_COMPAT_DIR_NLINK
      | EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE
      | EXT4_FEATURE_RO_COMPAT_METADATA_CSUM | EXT4_FEATURE_RO_COMPAT_ORPHAN_PRESENT
      | EXT4_FEATURE_RO_COMPAT_PROJECT | EXT4_FEATURE_RO_COMPAT_VERITY)

  /// The first feature without which the file system cannot be understood, and which is not.
  static func unsupported(incompatible bits: UInt32) -> String? {
    name(
      bits & ~supportedIncompatible,
      [
        (0x1, "compression"), (0x8, "journal_dev"), (0x100, "mmp"), (0x400, "ea_inode"), (0x1000, "dirdata"),
        (0x8000, "inline_data"), (0x10000, "encrypt"), (0x20000, "casefold"),
      ])
  }

  /// The first feature that forbids writing without understanding it.
  static func unsupported(readOnlyCompatible bits: UInt32) -> String? {
    name(
      bits & ~supportedReadOnlyCompatible,
      [
        (0x80, "snapshot"), (0x100, "quota"), (0x200, "bigalloc"), (0x800, "replica"), (0x1000, "read-only"),
        (0x2000, "project"), (0x4000, "shared_blocks"), (0x8000, "verity"),
      ])
  }

  private static func name(_ bits: UInt32, _ names: [(UInt32, String)]) -> String? {
    guard bits != 0 else { return nil }
    let known = names.first { bits & $0.0 != 0 }
    return known?.1 ?? "0x" + String(bits, radix: 16)
  }
}
