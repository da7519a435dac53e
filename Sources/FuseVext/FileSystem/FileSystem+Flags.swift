import CExt2
import Synchronization
import SystemPackage

/// Inode flags and labels, for chattr(1) and similar tools.
extension FileSystem {
  /// The properties of an inode that ioctl(2) reports.
  struct Traits: Equatable {
    /// The flags in the form of `FS_IOC_GETFLAGS`.
    var flags: UInt32
    /// The flags in the form of `struct fsxattr`.
    var extendedFlags: UInt32
    var project: UInt32
    var generation: UInt32
  }

  func traits(of number: UInt32, _ resources: ServingResources) throws(Errno) -> Traits {
    try inspect(resources) { (metadata) throws(Errno) in
      let record = try metadata.inode(number)
      return Traits(
        flags: record.visibleFlags, extendedFlags: record.extendedFlags,
        project: metadata.project(of: record), generation: record.raw.i_generation)
    }
  }

  /// A requested change of flags.
  enum FlagChange {
    /// `FS_IOC_SETFLAGS`.
    case flags(UInt32)
    /// `FS_IOC_FSSETXATTR`.
    case extended(UInt32, project: UInt32)
  }

  /// Changes the flags of an inode. The kernel has checked that the caller owns it, and may make it immutable or append-only.
  ///
  /// - Parameter mayJournalData: The caller may set and clear `j` (`CAP_SYS_RESOURCE`).
  func setFlags(
    _ change: FlagChange, of number: UInt32, mayJournalData: Bool, _ resources: ServingResources
  ) throws(Errno) {
    let inode = openInode(number)
    try self.change(resources) { (metadata) throws(Errno) in
      var record = try metadata.inode(number)
      let flags: UInt32
      switch change {
      case .flags(let wanted): flags = try record.flags(asking: wanted)
      case .extended(let wanted, let project):
        flags = try record.flags(askingExtended: wanted)
        if project != metadata.project(of: record) {
          guard !(record.isImmutable && flags & UInt32(EXT2_IMMUTABLE_FL) != 0) else { throw .notPermitted }
          try metadata.setProject(project, of: &record)
        }
      }
      if (flags ^ record.flags) & UInt32(EXT3_JOURNAL_DATA_FL) != 0, !mayJournalData { throw .notPermitted }
      if (flags ^ record.flags) & UInt32(EXT4_CASEFOLD_FL) != 0 {
        try metadata.checkFoldingCanChange(record)
      }
      record.flags = flags
      record.changeTime = .now()
      try metadata.write(record)
      inode.isSynchronous.store(record.isSynchronous, ordering: .relaxed)
      inode.allowsWrites.store(false, ordering: .relaxed)
    }
    expectAccess(inode)
    try synchronizeIfAsked(inode, resources)
  }

  /// The file system's label, without the zeros behind it.
  func label(_ resources: ServingResources) throws(Errno) -> [UInt8] {
    try inspect(resources) { (metadata) throws(Errno) in metadata.label }
  }

  /// Throws `EINVAL` for a label of more than 16 bytes.
  func setLabel(_ label: [UInt8], _ resources: ServingResources) throws(Errno) {
    guard label.count <= Metadata.labelByteCount else { throw .invalidArgument }
    try change(resources) { (metadata) throws(Errno) in
      metadata.label = label
      try metadata.writeSuperblock()
    }
    try flush(resources)
  }
}

extension Metadata {
  static let labelByteCount = 16

  private static let labelOffset = 0x78

  /// `s_volume_name`.
  fileprivate var label: [UInt8] {
    get {
      let name = library.superblock.bytes(at: Self.labelOffset, count: Self.labelByteCount)
      return Array(name.prefix { $0 != 0 })
    }
    nonmutating set {
      let padded = newValue + [UInt8](repeating: 0, count: Self.labelByteCount)
      library.changeSuperblock {
        $0.setBytes(Array(padded.prefix(Self.labelByteCount)), at: Self.labelOffset)
      }
    }
  }
}
