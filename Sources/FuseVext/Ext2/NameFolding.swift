import CExt2
import HostSystem
import SystemPackage

/// Compares names without regard to case (`casefold`), by libext2fs's tables of Unicode 12.1.
///
/// A name that is not UTF-8 equals itself alone.
@safe
struct NameFolding {
  /// Constant, and never freed.
  private let table: OpaquePointer
  /// Whether names that are not UTF-8 are refused (`EXT4_ENC_STRICT_MODE_FL`).
  private let isStrict: Bool

  /// Loads the tables; nil if the file system has no such directories.
  init?(_ fileSystem: ext2_filsys) {
    guard let table = unsafe fileSystem.pointee.encoding else { return nil }
    unsafe self.table = unsafe table
    isStrict = unsafe fileSystem.pointee.super.pointee.s_encoding_flags & UInt16(EXT4_ENC_STRICT_MODE_FL) != 0
  }

  /// Throws `EINVAL` for a name that the file system does not take.
  func check(_ name: [UInt8]) throws(Errno) {
    guard isStrict else { return }
    var copy = name.map { CChar(bitPattern: $0) }
    var position: UnsafeMutablePointer<CChar>?
    // SAFETY: the function reads `count` bytes, and sets the position within them.
    let result = unsafe copy.withUnsafeMutableBufferPointer {
      unsafe ext2fs_check_encoded_name(table, $0.baseAddress, $0.count, &position)
    }
    if result != 0 { throw .invalidArgument }
  }

  func isEqual(_ first: [UInt8], _ second: [UInt8]) -> Bool {
    if first == second { return true }
    // SAFETY: the function reads `count` bytes.
    return unsafe ext2fs_casefold_cmp(table, first, first.count, second, second.count) == 0
  }

  /// A hash that equal names share. It differs from process to process, so that no image can make names collide.
  func hash(_ name: [UInt8]) -> UInt32 {
    var major: ext2_dirhash_t = 0
    var minor: ext2_dirhash_t = 0
    // SAFETY: the function reads `count` bytes, and four words of the seed.
    let result = unsafe name.withUnsafeBytes { name in
      unsafe ext2fs_dirhash2(
        EXT2_HASH_HALF_MD4, name.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(name.count), table,
        EXT4_CASEFOLD_FL, Self.seed, &major, &minor)
    }
    // The function fails for lack of memory alone; then the name is not found.
    return result == 0 ? major ^ minor : 0
  }

  private static let seed: [UInt32] = (0..<4).map { _ in UInt32.random(in: 1 ... .max) }
}
