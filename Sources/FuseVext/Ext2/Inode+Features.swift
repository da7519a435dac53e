import CExt2
import Glibc
import SystemPackage

extension Errno {
  /// A file is encrypted, and its key is not known here (`ENOKEY`).
  static var noKey: Errno { Errno(rawValue: ENOKEY) }
}

/// The flags of an inode that belong to optional features.
extension Inode {
  private func has(_ flag: Int32) -> Bool { flags & UInt32(flag) != 0 }

  /// Contents and names are encrypted (`encrypt`).
  var isEncrypted: Bool { has(EXT4_ENCRYPT_FL) }
  /// The contents never change again; a hash tree lies behind the end of the file (`verity`).
  var isSealed: Bool { has(EXT4_VERITY_FL) }
  /// The inode holds the value of an extended attribute, not a file (`ea_inode`).
  var isAttributeValue: Bool { has(EXT4_EA_INODE_FL) }
  /// Names in the directory tell no case (`casefold`).
  var foldsNames: Bool { has(EXT4_CASEFOLD_FL) }
  /// New files get the directory's project (`project`).
  var inheritsProject: Bool { has(EXT4_PROJINHERIT_FL) }

  /// Refuses to change contents that are encrypted or sealed.
  func checkContentsCanChange() throws(Errno) {
    if isSealed { throw .notPermitted }
    if isEncrypted { throw .noKey }
  }
}

extension Metadata {
  func hasFeature(readOnlyCompatible bit: Int32) -> Bool {
    library.readOnlyCompatibleFeatures & UInt32(bit) != 0
  }

  func hasFeature(incompatible bit: Int32) -> Bool {
    library.incompatibleFeatures & UInt32(bit) != 0
  }

  // MARK: Names

  /// The comparison of names without regard to case; nil if the file system has no such directories.
  var nameFolding: NameFolding? {
    hasFeature(incompatible: EXT4_FEATURE_INCOMPAT_CASEFOLD) ? NameFolding(library) : nil
  }

  /// Lets a change of a directory's folding pass: names that are there keep none from being found.
  mutating func checkFoldingCanChange(_ inode: Inode) throws(Errno) {
    guard nameFolding != nil else { throw .notSupported }
    guard inode.isDirectory else { throw .notDirectory }
    guard try isEmpty(try directory(inode.number)) else { throw .directoryNotEmpty }
    directories[inode.number] = nil
  }

  // MARK: Projects

  /// Whether the disk's inodes have room for a number of a project (`i_projid`, the word before byte 160).
  private func hasProject(_ inode: Inode) -> Bool {
    hasFeature(readOnlyCompatible: EXT4_FEATURE_RO_COMPAT_PROJECT) && inode.raw.i_extra_isize >= 32
  }

  /// The project of an inode; 0 is the default one.
  func project(of inode: Inode) -> UInt32 { hasProject(inode) ? inode.raw.i_projid : 0 }

  /// Throws `EOPNOTSUPP` without the feature, `EOVERFLOW` where the inode has no room.
  func setProject(_ project: UInt32, of inode: inout Inode) throws(Errno) {
    guard hasFeature(readOnlyCompatible: EXT4_FEATURE_RO_COMPAT_PROJECT) else { throw .notSupported }
    guard hasProject(inode) else { throw Errno(rawValue: EOVERFLOW) }
    inode.raw.i_projid = project
  }

  /// Gives a new file the project of its directory, if the directory has the flag for it.
  func inheritProject(_ inode: inout Inode, from directory: Inode) {
    guard directory.inheritsProject, hasProject(inode) else { return }
    inode.raw.i_projid = project(of: directory)
    if inode.isDirectory { inode.flags |= UInt32(EXT4_PROJINHERIT_FL) }
  }

  /// Keeps files of another project out of a directory whose files all have the directory's project.
  func checkProject(of inode: Inode, in directory: Inode) throws(Errno) {
    guard directory.inheritsProject, project(of: inode) != project(of: directory) else { return }
    throw .improperLink
  }
}
