import CExt2
import SystemPackage

/// Compares names without regard to case (`casefold`), by libext2fs's tables of Unicode 12.1.
///
/// A name that is not UTF-8 equals itself alone.
struct NameFolding {
  private let library: Ext2Handle
  /// Whether names that are not UTF-8 are refused (`EXT4_ENC_STRICT_MODE_FL`).
  private let isStrict: Bool

  /// Nil if the file system has no such directories.
  init?(_ library: Ext2Handle) {
    guard library.hasEncoding else { return nil }
    self.library = library
    isStrict = library.superblock.s_encoding_flags & UInt16(EXT4_ENC_STRICT_MODE_FL) != 0
  }

  /// Throws `EINVAL` for a name that the file system does not take.
  func check(_ name: [UInt8]) throws(Errno) {
    if isStrict, !library.isEncoded(name) { throw .invalidArgument }
  }

  func isEqual(_ first: [UInt8], _ second: [UInt8]) -> Bool {
    first == second || library.isEqualFolded(first, second)
  }

  /// A hash that equal names share. It differs from process to process, so that no image can make names collide.
  func hash(_ name: [UInt8]) -> UInt32 {
    // Without memory for the hash the name is not found.
    library.foldedHash(name, seed: Self.seed) ?? 0
  }

  private static let seed = (word(), word(), word(), word())

  private static func word() -> UInt32 { UInt32.random(in: 1 ... .max) }
}
