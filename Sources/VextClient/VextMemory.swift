import CLinux
import Glibc
import HostSystem
import SystemPackage
import VextProtocol

/// The kind of pages of a client's memory.
public enum VextMemoryKind: String, Sendable {
  /// Huge pages of 2 MiB: few runs, and the kernel moves none of them on its own.
  case hugePages = "huge pages"
  /// Ordinary pages: a large buffer consists of many runs.
  case ordinaryPages = "ordinary pages"
}

/// The mechanism that keeps a client's pages in place.
public enum VextMemoryPin: String, Sendable {
  /// The kernel pinned the pages as io_uring's registered buffers, and nothing moves them.
  case registered = "pinned by io_uring"
  /// The pages are huge pages, which the kernel neither swaps nor compacts.
  case hugePages = "huge pages stay"
  /// The pages are locked, and the system compacts no locked pages (vm.compact_unevictable_allowed=0).
  case locked = "locked, no compaction"
}

/// The memory that the device may reach: pinned, shared with the guardian, with known guest-physical addresses.
@safe
final class VextMemory: @unchecked Sendable {
  // SAFETY: `byteCount` bytes are mapped at `base` as long as this object lives: by `mapping`, or by the test that brings its own memory.
  /// The first byte.
  let base: UnsafeMutableRawPointer
  let byteCount: Int
  let kind: VextMemoryKind
  let pin: VextMemoryPin
  let map: PhysicalMap
  /// The owner of the memory at `base`; nil in tests that bring their own memory.
  private let mapping: Mapping?
  private let ring: OwnedDescriptor?

  /// The size of huge pages in bytes.
  static let hugePageByteCount = 2 << 20
  /// The largest size of the memory in bytes.
  static let byteCountLimit = 64 << 30

  /// Allocates and pins `byteCount` bytes, a multiple of 2 MiB: huge pages if `allowsHugePages` and there are enough.
  init(byteCount: Int, allowsHugePages: Bool = true) throws(VextClientError) {
    guard byteCount > 0, byteCount <= Self.byteCountLimit, byteCount.isMultiple(of: Self.hugePageByteCount)
    else { throw .badPoolSize(byteCount: byteCount) }
    var mapping: Mapping?
    var kind = VextMemoryKind.hugePages
    if allowsHugePages { mapping = Self.hugePages(byteCount: byteCount) }
    if mapping == nil {
      kind = .ordinaryPages
      mapping = try naming("memory") { () throws(Errno) in
        let mapping = try Self.map(byteCount: byteCount, hugePages: false)
        try check(unsafe linux_lock_memory(mapping.base, byteCount))
        return mapping
      }
    }
    guard let mapping = consume mapping else { throw .system("memory", .noMemory) }
    let base = unsafe mapping.base
    // Before the addresses are read, because pinning may move pages to a place where they can stay.
    let pinned = unsafe linux_pin_memory(base, byteCount)
    var ring: OwnedDescriptor?
    if pinned >= 0 {
      ring = OwnedDescriptor(adopting: pinned)
      pin = .registered
    } else if kind == .hugePages {
      pin = .hugePages
    } else if Self.leavesLockedPages() {
      pin = .locked
    } else {
      throw .cannotPin(Errno(rawValue: -pinned))
    }
    let pagemap = try naming(PhysicalMap.pagemapPath) { () throws(Errno) in
      try OwnedDescriptor.open(PhysicalMap.pagemapPath, flags: O_RDONLY)
    }
    map = PhysicalMap(
      pages: try PhysicalMap.addresses(
        address: UInt(bitPattern: base), byteCount: byteCount, pagemap: pagemap))
    unsafe self.base = unsafe base
    self.byteCount = byteCount
    self.kind = kind
    self.mapping = consume mapping
    self.ring = consume ring
  }

  /// Uses a test's memory: `byteCount` bytes at `base`, which outlive this object.
  init(base: UnsafeMutableRawPointer, byteCount: Int, map: PhysicalMap) {
    unsafe self.base = unsafe base
    self.byteCount = byteCount
    self.map = map
    kind = .ordinaryPages
    pin = .locked
    mapping = nil
    ring = nil
  }

  /// The descriptor that holds the pin, for the guardian; -1 without one.
  var pinDescriptor: Int32 {
    switch ring {
    case .some(let ring): ring.rawValue
    case .none: -1
    }
  }

  /// The offset of a run of bytes in this memory; nil if the run is not wholly in it.
  @inline(__always)
  func offset(of pointer: UnsafeRawPointer, byteCount count: Int) -> Int? {
    let offset = unsafe Int(bitPattern: pointer) &- Int(bitPattern: base)
    return offset >= 0 && count <= byteCount && offset <= byteCount - count ? offset : nil
  }

  // A memory file instead of anonymous memory, because after a fork the first write would copy anonymous pages, and the
  // process would have other pages than the device.
  private static func map(byteCount: Int, hugePages: Bool) throws(Errno) -> Mapping {
    let descriptor = OwnedDescriptor(
      adopting: try check(
        unsafe "vext".withCString {
          unsafe linux_memory_file($0, byteCount, hugePages ? 1 : 0)
        }))
    let mapping = try Mapping.shared(descriptor: descriptor.rawValue, byteCount: byteCount)
    try mapping.prefault()
    return mapping
  }

  private static func hugePages(byteCount: Int) -> Mapping? {
    // On failure (too few huge pages, or a kernel without them) the caller uses ordinary pages.
    do { return try map(byteCount: byteCount, hugePages: true) } catch { return nil }
  }

  /// Whether the system never compacts locked pages.
  private static func leavesLockedPages() -> Bool {
    let settings = SysfsDirectory("/proc/sys/vm")
    do { return try settings.text("compact_unevictable_allowed") == "0" } catch { return false }
  }
}
