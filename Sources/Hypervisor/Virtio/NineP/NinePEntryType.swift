import CLinux

/// Types of a directory's entries that qids tell apart (DT_DIR, DT_LNK).
enum NinePEntryType {
  static let directory: UInt8 = 4
  static let symbolicLink: UInt8 = 10
}

extension linux_directory_entry {
  /// Whether it is the directory above.
  var isParent: Bool { unsafe NinePString(pointer: name, byteCount: Int(name_byte_count)).isParent }
}
