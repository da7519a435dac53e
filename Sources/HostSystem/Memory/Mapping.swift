import CLinux
import CNUMA
import SystemPackage

/// Memory of the process with one owner (`mmap(2)`), unmapped when its owner goes away.
///
/// The type guards the extent alone: who may touch the bytes, and when, is decided by who holds ``base``.
@safe
public struct Mapping: ~Copyable, @unchecked Sendable {
  /// The first byte, page-aligned.
  public let base: UnsafeMutableRawPointer
  /// The length that was asked for, in bytes.
  public let byteCount: Int

  private static let hugePageByteCount = 2 << 20

  /// The kernel's page size in bytes.
  public static var pageByteCount: Int { linux_page_byte_count() }

  private init(base: UnsafeMutableRawPointer, byteCount: Int) {
    unsafe self.base = unsafe base
    self.byteCount = byteCount
  }

  /// Zeroed private memory without a reservation of swap space (`MAP_NORESERVE`).
  ///
  /// From 2 MiB on it starts at a multiple of 2 MiB, so that all of it can be huge pages.
  public static func anonymous(byteCount: Int) throws(Errno) -> Mapping {
    guard byteCount > 0 else { throw Errno.invalidArgument }
    let slack = byteCount >= hugePageByteCount ? hugePageByteCount : 0
    let (mapped, overflow) = byteCount.addingReportingOverflow(slack + pageByteCount - 1)
    guard !overflow else { throw Errno.noMemory }
    let wide = mapped & ~(pageByteCount - 1)
    let start = try unsafe map(
      byteCount: wide, flags: MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, descriptor: -1, offset: 0)
    guard slack > 0 else { return unsafe Mapping(base: start, byteCount: byteCount) }
    // SAFETY: what is cut off lies within the mapping made above and was given to nobody.
    let base = unsafe start.alignedUp(toMultipleOf: slack)
    let head = unsafe base - start
    let kept = (byteCount + pageByteCount - 1) & ~(pageByteCount - 1)
    if head > 0 { unsafe _ = linux_munmap(start, head) }
    if wide - head > kept { unsafe _ = linux_munmap(base + kept, wide - head - kept) }
    return unsafe Mapping(base: base, byteCount: byteCount)
  }

  /// Maps the memory behind a descriptor, shared with other mappings of it, such as the `kvm_run` page of a vCPU.
  public static func shared(descriptor: Int32, byteCount: Int, offset: Int64 = 0) throws(Errno) -> Mapping {
    guard byteCount > 0 else { throw Errno.invalidArgument }
    return unsafe Mapping(
      base: try map(byteCount: byteCount, flags: MAP_SHARED, descriptor: descriptor, offset: offset),
      byteCount: byteCount)
  }

  /// A file's bytes for reading alone, all of them present at once (`MAP_PRIVATE`, `MAP_POPULATE`).
  ///
  /// A file that is truncated meanwhile makes the pages beyond its end unusable (`SIGBUS`).
  public static func file(descriptor: Int32, byteCount: Int) throws(Errno) -> Mapping {
    guard byteCount > 0 else { throw Errno.invalidArgument }
    return unsafe Mapping(
      base: try map(
        byteCount: byteCount, protection: PROT_READ, flags: MAP_PRIVATE | MAP_POPULATE,
        descriptor: descriptor,
        offset: 0),
      byteCount: byteCount)
  }

  /// The address of its first byte in this process, as a number.
  public var address: UInt64 { unsafe UInt64(UInt(bitPattern: base)) }

  /// Runs `body` with the first `count` bytes, which nobody changes meanwhile.
  func withBytes<Value, Failure: Error>(
    count: Int, _ body: (Span<UInt8>) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    precondition(count >= 0 && count <= byteCount, "bytes of the mapping")
    // SAFETY: the mapping lives at least until `body` returns.
    let bytes = unsafe base.assumingMemoryBound(to: UInt8.self)
    return try body(unsafe Span(_unsafeStart: bytes, count: count))
  }

  /// Asks for huge pages (`MADV_HUGEPAGE`).
  public func adviseHugePages() throws(Errno) { try check(unsafe linux_advise_huge_pages(base, byteCount)) }

  /// Leaves the pages from `offset` on, by default all, out of core dumps (`MADV_DONTDUMP`).
  ///
  /// `EINVAL` for a run that is not wholly inside, or that does not begin at a page.
  public func leaveOutOfDumps(offset: Int = 0, byteCount count: Int? = nil) throws(Errno) {
    guard offset >= 0, offset <= byteCount else { throw .invalidArgument }
    let count = count ?? byteCount - offset
    guard count >= 0, count <= byteCount - offset else {
      throw .invalidArgument
    }
    // SAFETY: the run was checked to be inside.
    try check(unsafe linux_leave_out_of_dumps(base + offset, count))
  }

  /// Lets the kernel merge pages of equal contents (`MADV_MERGEABLE`). `EINVAL` on a kernel without KSM.
  public func adviseMergeable() throws(Errno) { try check(unsafe linux_advise_mergeable(base, byteCount)) }

  /// Makes all pages present and writable (`MADV_POPULATE_WRITE`, Linux 5.14); blocks until they are.
  public func prefault() throws(Errno) { try check(unsafe linux_populate_for_writing(base, byteCount)) }

  /// Gives the pages of a run back to the kernel; private memory reads as zero afterwards (`MADV_DONTNEED`).
  ///
  /// `EINVAL` for a run that is not wholly inside, or not of whole pages.
  public func discard(offset: Int, byteCount count: Int) throws(Errno) {
    guard offset >= 0, count >= 0, offset <= byteCount, count <= byteCount - offset,
      offset.isMultiple(of: Self.pageByteCount), count.isMultiple(of: Self.pageByteCount)
    else { throw Errno.invalidArgument }
    // SAFETY: the run was checked to be inside.
    try check(unsafe linux_discard(base + offset, count))
  }

  /// Replaces the pages from `offset` on by those of a file, copied when they are written to (`mmap(2)` with `MAP_PRIVATE`
  /// and `MAP_FIXED`): nothing is read before it is touched.
  ///
  /// All three numbers are multiples of the page size; `EINVAL` if not, or if the range is outside. A file that is
  /// truncated meanwhile makes the pages beyond its end unusable (`SIGBUS`).
  public func overlay(
    descriptor: Int32, fileOffset: Int64, at offset: Int, byteCount overlaid: Int
  ) throws(Errno) {
    // SAFETY: the range lies within this mapping, which stays its owner.
    let pages = try unsafe pages(at: offset, byteCount: overlaid)
    try check(unsafe linux_mmap_private_fixed(pages, overlaid, descriptor, fileOffset))
  }

  /// Replaces the pages from `offset` on by those of a file, shared with its other mappings (`mmap(2)` with `MAP_SHARED` and
  /// `MAP_FIXED`).
  ///
  /// All three numbers are multiples of the page size; `EINVAL` if not, or if the range is outside. A file that is
  /// truncated meanwhile makes the pages beyond its end unusable (`SIGBUS`).
  public func overlayShared(
    descriptor: Int32, fileOffset: Int64, at offset: Int, byteCount overlaid: Int
  ) throws(Errno) {
    // SAFETY: the range lies within this mapping, which stays its owner.
    let pages = try unsafe pages(at: offset, byteCount: overlaid)
    try check(unsafe linux_mmap_shared_fixed(pages, overlaid, descriptor, fileOffset))
  }

  /// The address of the pages from `offset` on; `EINVAL` unless `count` bytes from there, at least one, lie within the mapping.
  private func pages(at offset: Int, byteCount count: Int) throws(Errno) -> UnsafeMutableRawPointer {
    guard offset >= 0, count > 0, offset <= byteCount, count <= byteCount - offset,
      offset % Self.pageByteCount == 0
    else { throw .invalidArgument }
    return unsafe base + offset
  }

  /// Takes all pages from one NUMA node (`mbind(2)` with `MPOL_BIND`).
  public func bind(toNode node: Int) throws(Errno) {
    try check(unsafe cnuma_bind(base, byteCount, Int32(clamping: node)))
  }

  /// The bytes of the pages that the process has in its page tables (Documentation/admin-guide/mm/pagemap.rst).
  ///
  /// mincore(2) would count a file's pages that are in the page cache and that nobody here has touched.
  public func residentByteCount() throws(Errno) -> Int {
    let pageByteCount = Self.pageByteCount
    let pageCount = (byteCount + pageByteCount - 1) / pageByteCount
    let pagemap = try OwnedDescriptor.open("/proc/self/pagemap", flags: O_RDONLY)
    try check(linux_seek(pagemap.rawValue, Int64(unsafe UInt(bitPattern: base)) / Int64(pageByteCount) * 8))
    var entries = [UInt64](repeating: 0, count: min(pageCount, 8192))
    var (seenCount, presentCount) = (0, 0)
    while seenCount < pageCount {
      let wanted = min(pageCount - seenCount, entries.count)
      // SAFETY: as many entries are asked for as there is room for.
      let result = try check(
        unsafe entries.withUnsafeMutableBytes {
          unsafe linux_read(pagemap.rawValue, $0.baseAddress, wanted * 8)
        })
      let count = Int(result) / 8
      guard count > 0 else { throw Errno.ioError }
      // Bit 63: the page is present.
      presentCount += entries[..<count].count { $0 >> 63 != 0 }
      seenCount += count
    }
    return presentCount * pageByteCount
  }

  /// The NUMA node of the page that holds the byte at `offset`; the page is faulted in (`get_mempolicy(2)`).
  ///
  /// `EINVAL` if the offset is outside; `ENOSYS` on a kernel without NUMA.
  public func node(ofPageAt offset: Int) throws(Errno) -> Int {
    guard offset >= 0, offset < byteCount else { throw Errno.invalidArgument }
    return Int(try check(unsafe cnuma_node_of_page(base + offset)))
  }

  deinit { unsafe _ = linux_munmap(base, byteCount) }

  private static func map(
    byteCount: Int, protection: Int32 = PROT_READ | PROT_WRITE, flags: Int32, descriptor: Int32, offset: Int64
  ) throws(Errno) -> UnsafeMutableRawPointer {
    var base: UnsafeMutableRawPointer?
    try check(unsafe linux_mmap(&base, byteCount, protection, flags, descriptor, offset))
    guard let base = unsafe base else { throw Errno.noMemory }
    return unsafe base
  }
}
