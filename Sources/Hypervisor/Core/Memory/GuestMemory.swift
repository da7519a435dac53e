import CLinux
import Glibc
import HostSystem
public import SystemPackage
public import VextProtocol

/// A guest's RAM: from address 0 up to the PCI hole, and from 4 GiB on. Any thread.
///
/// Guest code changes RAM at any moment, so that values are copied in or out and never referred to. Threads that write to
/// the same place at the same time must agree among themselves.
public final class GuestMemory: @unchecked Sendable {
  /// Start of the hole for PCI memory, the APICs and firmware; it ends at 4 GiB.
  public static let pciHoleStart: UInt64 = 0xC000_0000
  /// The address at which RAM continues above the hole.
  public static let highStart: UInt64 = 0x1_0000_0000
  /// The largest number of regions of a guest of another process.
  public static let regionLimit = 2
  /// The largest size in bytes of the file of a guest of another process, because address space is finite.
  public static let sharedByteLimit: UInt64 = 1 << 40
  /// Page size of the host in bytes; a guest's memory size is a multiple of it.
  public static let pageByteCount: UInt64 = 4096

  private let mapping: Mapping
  /// Whether pages of files may replace those of the mapping: not where they are huge ones.
  private let takesFilePages: Bool
  /// Keeps the map's further regions.
  private let others: GuestMemoryRegionTable?
  /// The file of the RAM, if other processes may map it.
  private let file: SharedMemoryFile?
  /// Size of RAM in bytes.
  public let byteCount: UInt64
  /// Translates guest-physical runs; valid while this object lives.
  public let map: GuestMemoryMap

  /// Maps `byteCount` bytes of zeroed RAM, a multiple of ``pageByteCount``; pages become resident at the first access.
  ///
  /// - Parameters:
  ///   - node: the NUMA node to bind it to, if any (mbind, MPOL_BIND).
  ///   - isShared: whether the RAM is a file (``sharedDescriptor``) that another process can map; page faults cost more there.
  public convenience init(byteCount: UInt64, node: Int? = nil, isShared: Bool = false) throws(Errno) {
    guard byteCount > 0, byteCount.isMultiple(of: Self.pageByteCount), byteCount <= 1 << 46 else {
      throw .invalidArgument
    }
    var file: SharedMemoryFile?
    let mapping: Mapping
    if isShared {
      let made = try SharedMemoryFile(name: "guest-memory", byteCount: byteCount)
      mapping = try Mapping.shared(descriptor: made.descriptor, byteCount: Int(byteCount))
      file = consume made
    } else {
      mapping = try Mapping.anonymous(byteCount: Int(byteCount))
    }
    // A crash of this process must not write a guest's secrets to the host's disk.
    try mapping.leaveOutOfDumps()
    if let node { try mapping.bind(toNode: node) }
    self.init(mapping, byteCount: byteCount, file: file)
  }

  /// Maps the RAM of a guest of another process: the first `byteCount` bytes of a file that both processes map, a
  /// multiple of ``pageByteCount``.
  public convenience init(sharedFile descriptor: Int32, byteCount: UInt64) throws(Errno) {
    guard byteCount > 0, byteCount.isMultiple(of: Self.pageByteCount), byteCount <= Self.pciHoleStart else {
      throw .invalidArgument
    }
    let mapping = try Mapping.shared(descriptor: descriptor, byteCount: Int(byteCount))
    try mapping.leaveOutOfDumps()
    self.init(mapping, byteCount: byteCount, file: nil)
  }

  /// Zeroed RAM of the huge pages that are mounted at `path`, all of them reserved now; ENOMEM where there are too few.
  ///
  /// - Throws: EINVAL for a folder of another file system.
  convenience init(byteCount: UInt64, hugePagesAt path: String, node: Int?) throws(Errno) {
    guard byteCount > 0, byteCount.isMultiple(of: Self.pageByteCount), byteCount <= 1 << 46 else {
      throw .invalidArgument
    }
    let page = try Self.hugePageByteCount(at: path)
    let name = "\(path)/lkvm-\(getpid())-\(HostClock.monotonicNanoseconds())"
    let file = try OwnedDescriptor.open(name, flags: O_RDWR | O_CREAT | O_EXCL, mode: 0o600)
    // The memory has no name, and goes with its last mapping.
    try NamedFiles.remove(name)
    let whole = (byteCount + page - 1) / page * page
    try checkErrno(ftruncate(file.rawValue, off_t(whole)))
    let mapping = try Mapping.shared(descriptor: file.rawValue, byteCount: Int(whole))
    try mapping.leaveOutOfDumps()
    if let node { try mapping.bind(toNode: node) }
    self.init(mapping, byteCount: byteCount, file: nil, takesFilePages: false)
  }

  /// The size of the pages of the hugetlbfs at `path`. EINVAL for another file system.
  public static func hugePageByteCount(at path: String) throws(Errno) -> UInt64 {
    try NamedFiles.hugePageByteCount(at: path)
  }

  /// Maps the RAM of a guest of another process, which is not trusted: `regions` of a file that it made.
  ///
  /// - Throws: EINVAL where there are no regions or more than ``regionLimit``, where one is empty, not of whole pages, or not
  ///   within the file, where they overlap, or where the file is larger than ``sharedByteLimit``; what mmap(2) says.
  public convenience init(file: consuming SharedMemoryFile, regions: [GuestMemoryRegion]) throws(Errno) {
    let fileByteCount = file.byteCount
    guard fileByteCount <= Self.sharedByteLimit, GuestMemoryRegion.areDisjoint(regions),
      (1...Self.regionLimit).contains(regions.count),
      regions.allSatisfy({ $0.isWhole(inFileOf: fileByteCount) })
    else { throw .invalidArgument }
    let mapping = try Mapping.shared(descriptor: file.descriptor, byteCount: Int(fileByteCount))
    try mapping.leaveOutOfDumps()
    guard let map = GuestMemoryMap(regions, in: mapping) else { throw .invalidArgument }
    self.init(mapping, map: map, byteCount: regions.reduce(0) { $0 + $1.byteCount }, file: file)
  }

  private convenience init(
    _ mapping: consuming Mapping, byteCount: UInt64, file: consuming SharedMemoryFile?,
    takesFilePages: Bool = true
  ) {
    let lowCount = min(byteCount, Self.pciHoleStart)
    var regions = [GuestMemoryRegion(address: GuestAddress(0), byteCount: lowCount, fileOffset: 0)]
    if byteCount > lowCount {
      regions.append(
        GuestMemoryRegion(
          address: GuestAddress(Self.highStart), byteCount: byteCount - lowCount, fileOffset: lowCount))
    }
    guard let map = GuestMemoryMap(regions, in: mapping) else {
      preconditionFailure("the regions split the mapping")
    }
    self.init(mapping, map: map, byteCount: byteCount, file: file, takesFilePages: takesFilePages)
  }

  init(
    _ mapping: consuming Mapping, map: GuestMemoryMap, byteCount: UInt64, file: consuming SharedMemoryFile?,
    takesFilePages: Bool = true, others: GuestMemoryRegionTable? = nil
  ) {
    self.map = map
    self.others = others
    self.mapping = mapping
    self.byteCount = byteCount
    self.takesFilePages = takesFilePages
    self.file = file
  }

  /// The descriptor of the file that other processes map; nil unless the memory was made to be shared.
  public var sharedDescriptor: Int32? {
    switch file {
    case .some(let file): file.descriptor
    case .none: nil
    }
  }

  /// The regions of the RAM with their offsets in the file of ``sharedDescriptor``.
  public var sharedRegions: [GuestMemoryRegion] {
    regions.compactMap { region in
      map.offset(of: region.start, byteCount: region.byteCount, in: mapping).map { offset in
        GuestMemoryRegion(
          address: region.start, byteCount: region.byteCount, fileOffset: UInt64(offset))
      }
    }
  }

  /// The regions in the form of KVM's memory slots.
  public var regions: [(start: GuestAddress, byteCount: UInt64, host: HostAddress)] { map.regions }

  /// Asks the kernel for transparent huge pages, which it provides if it can.
  public func adviseHugePages() throws(Errno) { try mapping.adviseHugePages() }

  /// Lets the host's kernel merge pages of equal contents (KSM). EINVAL on a kernel without it.
  public func adviseMergeable() throws(Errno) { try mapping.adviseMergeable() }

  /// Makes every page resident now, so that no page fault distorts a measurement.
  public func prefault() throws(Errno) { try mapping.prefault() }

  /// Returns the run's pages to the host; the guest reads zeroes there afterwards (madvise(2), MADV_DONTNEED; in shared memory
  /// fallocate(2), FALLOC_FL_PUNCH_HOLE).
  ///
  /// - Throws: EFAULT if the run is not wholly RAM, EINVAL if it does not consist of whole pages (of huge pages in memory
  ///   of hugetlbfs).
  public func discard(_ address: GuestAddress, byteCount: UInt64) throws(Errno) {
    guard let count = Int(exactly: byteCount),
      let offset = map.offset(of: address, byteCount: byteCount, in: mapping)
    else { throw .badAddress }
    switch file {
    case .some(let file):
      guard offset.isMultiple(of: Int(Self.pageByteCount)), count.isMultiple(of: Int(Self.pageByteCount))
      else {
        throw .invalidArgument
      }
      if count > 0 { try file.punchHole(offset: UInt64(offset), byteCount: byteCount) }
    case .none: try mapping.discard(offset: offset, byteCount: count)
    }
  }

  /// Number of bytes that are resident in the host.
  public func residentByteCount() throws(Errno) -> Int { try mapping.residentByteCount() }

  /// The NUMA node of the page at `offset` bytes into the RAM.
  public func node(ofPageAt offset: Int) throws(Errno) -> Int { try mapping.node(ofPageAt: offset) }

  /// Copies `bytes` to `address`.
  public func write(_ bytes: some Collection<UInt8>, at address: GuestAddress) throws(GuestMemoryError) {
    guard map.write(bytes, at: address) else {
      throw .outsideMemory(address, byteCount: UInt64(bytes.count))
    }
  }

  /// Maps the file's bytes from `fileOffset` on at the run at `address`, without reading them now. See
  /// ``Mapping/overlay``.
  ///
  /// `fileOffset`, address and length are multiples of ``pageByteCount``. Call it before the guest runs. EOPNOTSUPP in
  /// shared memory, because other processes would not see the contents.
  func overlay(
    descriptor: Int32, fileOffset: UInt64, at address: GuestAddress, byteCount: UInt64
  ) throws(Errno) {
    guard takesFilePages else { throw .invalidArgument }
    guard sharedDescriptor == nil else { throw .notSupported }
    guard let offset = map.offset(of: address, byteCount: byteCount, in: mapping) else {
      throw .invalidArgument
    }
    try mapping.overlay(
      descriptor: descriptor, fileOffset: Int64(clamping: fileOffset), at: offset, byteCount: Int(byteCount))
    // The new pages do not inherit it.
    try mapping.leaveOutOfDumps(offset: offset, byteCount: Int(byteCount))
  }

  /// Copies `byteCount` bytes out of guest memory.
  public func read(_ byteCount: Int, at address: GuestAddress) throws(GuestMemoryError) -> [UInt8] {
    guard let count = UInt64(exactly: byteCount) else {
      throw .outsideMemory(address, byteCount: UInt64(bitPattern: Int64(byteCount)))
    }
    guard let run = map.vector(address, byteCount: count) else {
      throw .outsideMemory(address, byteCount: count)
    }
    return run.bytes
  }

  /// Copies an integer out of guest memory: little-endian, at any alignment.
  public func load<Value: FixedWidthInteger & BitwiseCopyable>(
    _ type: Value.Type, at address: GuestAddress
  ) throws(GuestMemoryError) -> Value {
    guard let value = map.load(type, at: address) else {
      throw .outsideMemory(address, byteCount: UInt64(MemoryLayout<Value>.size))
    }
    return value
  }

  /// Copies an integer into guest memory: little-endian, at any alignment.
  public func store<Value: FixedWidthInteger & BitwiseCopyable>(
    _ value: Value, at address: GuestAddress
  ) throws(GuestMemoryError) {
    guard map.store(value, at: address) else {
      throw .outsideMemory(address, byteCount: UInt64(MemoryLayout<Value>.size))
    }
  }
}

/// An address in this process, in bytes, in the form of KVM's memory slots.
public struct HostAddress: RawRepresentable, Hashable, Sendable {
  /// The address.
  public var rawValue: UInt64
  /// Wraps `rawValue`.
  public init(rawValue: UInt64) { self.rawValue = rawValue }
  /// Wraps `rawValue`.
  public init(_ rawValue: UInt64) { self.rawValue = rawValue }
}

/// The error of an access to guest memory.
public enum GuestMemoryError: Error, Equatable, Sendable {
  /// The run does not lie wholly within one region of RAM, or wraps around 2^64.
  case outsideMemory(GuestAddress, byteCount: UInt64)
}
