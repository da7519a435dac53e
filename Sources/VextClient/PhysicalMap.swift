import CLinux
import Glibc
import HostSystem
import SystemPackage
import VextProtocol

/// The guest-physical addresses of a mapping's pages. Immutable; translating an address makes no system call.
struct PhysicalMap: Sendable {
  /// The unit of translation in bytes: a page of the processor.
  static let pageByteCount = 4096

  /// The guest-physical address of each page.
  private let pages: [UInt64]
  /// For each page, the end index of its run: the pages that follow it without a gap.
  private let runEnds: [UInt32]

  /// Makes a map of pages at `addresses`; pages that are neighbours in guest-physical memory form a run.
  init(pages addresses: [UInt64]) {
    var ends = [UInt32](repeating: 0, count: addresses.count)
    var end = UInt32(addresses.count)
    for index in addresses.indices.reversed() {
      let next = index + 1
      if next == addresses.count || addresses[next] != addresses[index] + UInt64(Self.pageByteCount) {
        end = UInt32(next)
      }
      ends[index] = end
    }
    pages = addresses
    runEnds = ends
  }

  /// The guest-physical address of byte `offset`, and the number of bytes from it to the end of its run.
  @inline(__always)
  func run(at offset: Int) -> (address: UInt64, byteCount: Int) {
    let page = offset / Self.pageByteCount
    return (
      pages[page] + UInt64(offset % Self.pageByteCount), Int(runEnds[page]) * Self.pageByteCount - offset
    )
  }

  /// The offset of the page at a guest-physical address; nil if the page is not in the map.
  ///
  /// Searches linearly; only the handling of failures uses it.
  func offset(of address: UInt64) -> Int? {
    pages.firstIndex(of: address).map { $0 * Self.pageByteCount }
  }

  /// The largest power of two that divides the length, offset and address of every run, in bytes.
  ///
  /// A device's blocks must not be larger.
  var granule: Int {
    var bits = pages.count * Self.pageByteCount
    var index = 0
    while index < pages.count {
      let end = Int(runEnds[index])
      bits |= end * Self.pageByteCount | Int(truncatingIfNeeded: pages[index])
      index = end
    }
    return bits & -bits
  }

  /// The number of runs.
  var runCount: Int {
    var count = 0
    var index = 0
    while index < pages.count {
      index = Int(runEnds[index])
      count += 1
    }
    return count
  }
}

extension PhysicalMap {
  /// The kernel's file of this process's page frames (Documentation/admin-guide/mm/pagemap.rst).
  static let pagemapPath = "/proc/self/pagemap"

  /// Bits of an entry of pagemap.
  private enum Entry {
    static let isPresent: UInt64 = 1 << 63
    static let frameMask: UInt64 = (1 << 55) - 1
  }

  /// Reads the physical addresses of this process's pages from `address` on, all of which must be present.
  ///
  /// - Parameters:
  ///   - address: the first byte, page-aligned.
  ///   - byteCount: the length in bytes, a multiple of the page size.
  ///   - pagemap: the open file ``pagemapPath``, which has 8 bytes for each page of the address space.
  static func addresses(
    address: UInt, byteCount: Int, pagemap: borrowing OwnedDescriptor
  ) throws(VextClientError) -> [UInt64] {
    var entries = [UInt64](repeating: 0, count: byteCount / pageByteCount)
    let wanted = entries.count * 8
    let first = Int64(address) / Int64(pageByteCount) * 8
    let descriptor = pagemap.rawValue
    var done = 0
    while done < wanted {
      // SAFETY: the rest of the array has `wanted - done` bytes.
      let count = unsafe entries.withUnsafeMutableBytes {
        unsafe linux_pread(
          descriptor, $0.baseAddress.map { unsafe $0 + done }, wanted - done, first + Int64(done))
      }
      guard count >= 0 else { throw .system(pagemapPath, Errno(rawValue: CInt(-count))) }
      guard count > 0 else { throw .system(pagemapPath, .ioError) }
      done += count
    }
    var addresses: [UInt64] = []
    addresses.reserveCapacity(entries.count)
    for entry in entries {
      guard entry & Entry.isPresent != 0 else { throw .system("page not present", .badAddress) }
      let frame = entry & Entry.frameMask
      // The kernel shows frame 0, which no process ever has, if the process lacks CAP_SYS_ADMIN.
      guard frame != 0 else { throw .addressesHidden }
      addresses.append(frame * UInt64(pageByteCount))
    }
    return addresses
  }
}
