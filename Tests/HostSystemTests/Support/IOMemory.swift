import CLinux
import Glibc
import HostSystem

/// Page-aligned blocks of 4096 bytes with an I/O vector for each.
@safe
final class IOMemory {
  private let mapping: Mapping
  private let vectors: UnsafeMutablePointer<iovec>

  init(blockCount: Int) throws {
    mapping = try Mapping.anonymous(byteCount: blockCount * 4096)
    unsafe vectors = .allocate(capacity: blockCount)
    for block in 0..<blockCount {
      unsafe (vectors + block).initialize(to: iovec(iov_base: mapping.base + block * 4096, iov_len: 4096))
    }
  }

  deinit { unsafe vectors.deallocate() }

  /// The first block's first byte.
  var base: UnsafeMutableRawPointer { unsafe mapping.base }

  /// The vector of `block`, followed by those of the blocks after it.
  func vector(_ block: Int) -> UnsafePointer<iovec> { unsafe UnsafePointer(vectors + block) }

  func fill(_ block: Int, _ byte: UInt8) { unsafe memset(mapping.base + block * 4096, Int32(byte), 4096) }

  func isFilled(_ block: Int, _ byte: UInt8) -> Bool {
    unsafe UnsafeRawBufferPointer(start: mapping.base + block * 4096, count: 4096).allSatisfy { $0 == byte }
  }
}
