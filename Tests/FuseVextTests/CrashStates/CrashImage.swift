import Glibc
import HostSystem

/// A small, empty file system of mke2fs.
struct CrashImage {
  /// The kinds that workloads run on.
  enum Kind: String, CaseIterable {
    case ext3, ext4, ext4Checksums, ext4SmallInodes, ext2

    var blockByteCount: Int { self == .ext4Checksums ? 4096 : 1024 }
    var hasJournal: Bool { self != .ext2 }

    /// mke2fs's smallest journal has 1024 blocks, and a file system twice as many.
    fileprivate var options: String {
      switch self {
      case .ext2: "-t ext2 -b 1024"
      case .ext3: "-t ext3 -b 1024 -J size=1"
      case .ext4: "-t ext4 -b 1024 -J size=1 -O ^metadata_csum,^64bit"
      case .ext4Checksums: "-t ext4 -b 4096 -J size=4 -O metadata_csum,64bit"
      case .ext4SmallInodes: "-t ext4 -b 1024 -J size=1 -I 128"
      }
    }

    fileprivate var kibibytes: Int { self == .ext4Checksums ? 9216 : 3072 }
  }

  let kind: Kind
  let bytes: [UInt8]

  init(_ kind: Kind) throws {
    let folder = TemporaryFolder.makeOrTrap()
    let path = folder.path + "/image"
    let made = Command.run(
      "truncate -s \(kind.kibibytes)K '\(path)' && mke2fs -q -F -N 96 \(kind.options) '\(path)'")
    guard made.exitCode == 0 else { throw CrashFailure("mke2fs: \(made.output)") }
    self.kind = kind
    bytes = try CrashImageFile(path: path, byteCount: kind.kibibytes << 10).memory.bytes(
      0, kind.kibibytes << 10)
  }
}

/// Why a run cannot go on.
struct CrashFailure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// An image file for other programs, mapped into memory.
final class CrashImageFile {
  let path: String
  let memory: CrashMemory

  /// Opens or makes the file, which gets the length.
  init(path: String, byteCount: Int) throws {
    self.path = path
    let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw CrashFailure("\(path): open: errno \(errno)") }
    defer { Glibc.close(descriptor) }
    guard ftruncate(descriptor, byteCount) == 0,
      let base = unsafe mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0),
      unsafe base != MAP_FAILED
    else { throw CrashFailure("\(path): cannot be mapped: errno \(errno)") }
    unsafe memory = CrashMemory(mapped: base, byteCount: byteCount)
  }

  /// Makes every byte zero.
  func clear() { memory.clear(0, memory.byteCount) }

  func remove() { unsafe _ = unlink(path) }
}
