extension MountOptions {
  /// Options that are passed on to the kernel through libfuse.
  static let passed: Set<String> = [
    "allow_other", "allow_root", "default_permissions", "nosuid", "suid", "nodev", "dev", "noexec", "exec",
    "auto_unmount",
  ]

  /// Options of fstab, mount(8), ext4 and older FUSE drivers that have no effect here.
  private static let withoutEffect: Set<String> = [
    // Options for fstab and mount(8).
    "defaults", "auto", "noauto", "user", "nouser", "users", "nousers", "owner", "noowner", "group",
    "nogroup", "nofail",
    "_netdev", "loud", "silent", "mand", "nomand", "iversion", "noiversion", "i_version",
    // Options of FUSE drivers: libfuse 2's nonempty and big_writes, fuse-ext2's force.
    "nonempty", "big_writes", "force",
    // The device is always flushed where the guarantee needs it.
    "barrier", "nobarrier", "barrier=0", "barrier=1",
    // After an error of the device or in structures, changes always end.
    "errors=continue", "errors=remount-ro", "errors=panic",
    // Data are always written before the structures that point at them.
    "data=ordered", "data=writeback", "data=journal", "data_err=ignore", "data_err=abort", "auto_da_alloc",
    "noauto_da_alloc", "auto_da_alloc=0", "auto_da_alloc=1",
    // Options for allocation, reading and the journal in the kernel's ext4.
    "delalloc", "nodelalloc", "dioread_lock", "dioread_nolock", "nodioread_nolock", "block_validity",
    "noblock_validity", "journal_checksum", "nojournal_checksum", "journal_async_commit", "init_itable",
    "noinit_itable", "mbcache", "nombcache", "no_mbcache", "orlov", "oldalloc", "nocheck", "check=none",
    "no_prefetch_block_bitmaps", "prefetch_block_bitmaps", "nodax", "dax=never", "dax=inode",
    // The defaults.
    "sysvgroups", "nogrpid", "noquota",
  ]

  private static let prefixesWithoutEffect = [
    "x-", "X-", "comment=", "stripe=", "inode_readahead_blks=", "max_batch_time=", "min_batch_time=",
    "journal_ioprio=", "init_itable=", "mb_optimize_scan=",
  ]

  static func hasNoEffect(_ word: String) -> Bool {
    withoutEffect.contains(word) || prefixesWithoutEffect.contains { word.hasPrefix($0) }
  }

  /// Handles an option about times of access; a later option replaces an earlier one, as in mount(8).
  ///
  /// - Returns: false if `word` is another option.
  mutating func addAccessTimes(_ word: String) -> Bool {
    switch word {
    case "noatime": accessTimes.mode = .never
    case "atime", "relatime", "norelatime", "nostrictatime": accessTimes.mode = .relative
    case "strictatime": accessTimes.mode = .always
    case "diratime": accessTimes.includesDirectories = true
    case "nodiratime": accessTimes.includesDirectories = false
    case "lazytime": accessTimes.isLazy = true
    case "nolazytime": accessTimes.isLazy = false
    default: return false
    }
    // Passed on so that the kernel shows it; libfuse knows no other such option.
    if word == "noatime" || word == "atime" { passedOn.append(word) }
    return true
  }
}
