import Synchronization
import SystemPackage

@testable import Hypervisor

/// Stands for a device of the host's VFIO: regions of bytes, interrupts that are recorded, and rules that the kernel keeps.
final class FakeVFIODevice: VFIOFile {
  /// A region, and the parts of it that can be mapped.
  struct Region {
    var byteCount: UInt64
    /// Readable, writable and mappable.
    var flags: UInt32 = 7
    var parts: [Range<UInt64>]?
  }

  /// A call that reached the device, in a test's words.
  enum Event: Equatable {
    case reset
    case write(region: Int, offset: UInt64, byteCount: Int, value: UInt64)
    case interrupts(kind: UInt32, flags: UInt32, start: UInt32, events: [Int32])
  }

  /// Memory that is mapped nowhere.
  final class Area: HostMemoryArea {
    let byteCount: UInt64
    let host: HostAddress
    init(byteCount: UInt64, offset: UInt64) {
      self.byteCount = byteCount
      host = HostAddress(offset)
    }
  }

  /// Flags of VFIO_DEVICE_SET_IRQS.
  enum Flags {
    static let trigger: UInt32 = 1 << 2 | 1 << 5
    static let unmask: UInt32 = 1 << 2 | 1 << 4
    static let off: UInt32 = 1 << 0 | 1 << 5
  }

  private struct State {
    var bytes: [UInt64: UInt8] = [:]
    var events: [Event] = []
    /// The kind of interrupt that is on.
    var kind: UInt32?
  }

  private let state = Mutex(State())
  private let regions: [Int: Region]
  private let interruptCounts: [UInt32]
  private let flags: UInt32
  private let hostInterruptLimit: Int

  /// - Parameters:
  ///   - configuration: the first bytes of the configuration space; the rest is zero.
  ///   - interruptCounts: of the line, MSI and MSI-X.
  ///   - flags: VFIO_DEVICE_FLAGS_RESET and VFIO_DEVICE_FLAGS_PCI.
  ///   - hostInterruptLimit: how many messages the host has interrupts for.
  init(
    configuration: [UInt8], regions: [Int: Region], interruptCounts: [UInt32] = [1, 4, 8],
    flags: UInt32 = 3, hostInterruptLimit: Int = 1024
  ) {
    var regions = regions
    regions[VFIORegion.Index.configuration] = Region(byteCount: 256, flags: 3)
    self.regions = regions
    self.interruptCounts = interruptCounts
    self.flags = flags
    self.hostInterruptLimit = hostInterruptLimit
    for (index, byte) in configuration.enumerated() {
      setByte(byte, region: VFIORegion.Index.configuration, UInt64(index))
    }
  }

  /// All calls since the last one of this function.
  func takeEvents() -> [Event] {
    state.withLock { state in
      let events = state.events
      state.events = []
      return events
    }
  }

  func setByte(_ byte: UInt8, region: Int, _ offset: UInt64) {
    state.withLock { $0.bytes[Self.offset(region) + offset] = byte }
  }

  private static func offset(_ region: Int) -> UInt64 { UInt64(region) << 40 }

  var descriptor: Int32 { -1 }

  func join(_ container: any VFIOFile) throws(Errno) { throw .invalidArgument }

  func openDevice(_ address: HostPCIAddress) throws(Errno) -> any VFIOFile { throw .invalidArgument }

  func perform(_ request: UInt, _ number: Int) throws(Errno) -> Int32 {
    guard request == VFIORequest.reset, flags & 1 != 0 else { throw .invalidArgument }
    state.withLock { $0.events.append(.reset) }
    return 0
  }

  func perform(_ request: UInt, _ words: inout [UInt32]) throws(Errno) -> Int32 {
    guard Int(words[0]) == words.count * 4 else { throw .invalidArgument }
    switch request {
    case VFIORequest.deviceInfo: words[1] = flags
    case VFIORequest.regionInfo: describe(&words)
    case VFIORequest.interruptInfo:
      guard Int(words[2]) < interruptCounts.count else { throw .invalidArgument }
      words[3] = interruptCounts[Int(words[2])]
    case VFIORequest.setInterrupts: return try setInterrupts(words)
    default: throw .invalidArgument
    }
    return 0
  }

  private func describe(_ words: inout [UInt32]) {
    let index = Int(words[2])
    guard let region = regions[index] else {
      (words[1], words[4], words[5]) = (0, 0, 0)
      return
    }
    words[1] = region.flags
    func put(_ value: UInt64, _ place: Int) {
      words[place] = UInt32(truncatingIfNeeded: value)
      words[place + 1] = UInt32(truncatingIfNeeded: value >> 32)
    }
    put(region.byteCount, 4)
    put(Self.offset(index), 6)
    guard let parts = region.parts else { return }
    words[1] |= 8
    // Another capability comes first.
    let needed = 8 + 2 + 4 + parts.count * 4
    guard words.count >= needed else {
      words[0] = UInt32(needed * 4)
      return
    }
    (words[3], words[8], words[9]) = (32, 3 | 1 << 16, 40)
    (words[10], words[11], words[12]) = (1 | 1 << 16, 0, UInt32(parts.count))
    for (number, part) in parts.enumerated() {
      put(part.lowerBound, 14 + number * 4)
      put(part.upperBound - part.lowerBound, 16 + number * 4)
    }
  }

  private func setInterrupts(_ words: [UInt32]) throws(Errno) -> Int32 {
    let (flags, kind, start, count) = (words[1], words[2], words[3], Int(words[4]))
    let events = words.dropFirst(5).map { Int32(bitPattern: $0) }
    return try state.withLock { (state) throws(Errno) in
      state.events.append(.interrupts(kind: kind, flags: flags, start: start, events: events))
      if flags == Flags.off {
        guard state.kind == kind else { throw .invalidArgument }
        state.kind = nil
        return 0
      }
      guard events.count == count, Int(kind) < interruptCounts.count,
        Int(start) + count <= Int(interruptCounts[Int(kind)]), state.kind == nil || state.kind == kind
      else { throw .invalidArgument }
      if state.kind == nil, count > hostInterruptLimit { return Int32(hostInterruptLimit) }
      state.kind = kind
      return 0
    }
  }

  func read(_ byteCount: Int, at offset: UInt64) throws(Errno) -> UInt64 {
    state.withLock { state in
      (0..<UInt64(byteCount)).reduce(0) { $0 | UInt64(state.bytes[offset + $1] ?? 0) << ($1 * 8) }
    }
  }

  func write(_ value: UInt64, byteCount: Int, at offset: UInt64) throws(Errno) {
    let (region, place) = (Int(offset >> 40), offset & (1 << 40 - 1))
    state.withLock { state in
      state.events.append(.write(region: region, offset: place, byteCount: byteCount, value: value))
      for index in 0..<UInt64(byteCount) {
        state.bytes[offset + index] = UInt8(truncatingIfNeeded: value >> (index * 8))
      }
    }
  }

  func map(at offset: UInt64, byteCount: Int) throws(Errno) -> any HostMemoryArea {
    Area(byteCount: UInt64(byteCount), offset: offset & (1 << 40 - 1))
  }
}
