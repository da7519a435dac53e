import Synchronization

/// Maps ranges of an address space (ports, or guest-physical addresses without RAM) to devices.
///
/// vCPU threads look devices up at any time. A guest that moves a BAR changes the map at the same time; a lock protects
/// it.
public final class AddressBus: Sendable {
  private struct Entry {
    let start: UInt64
    let byteCount: UInt64
    let device: any BusDevice
  }

  private let entries = Mutex<[Entry]>([])

  /// Makes an empty bus.
  public init() {}

  /// Claims `byteCount` bytes from `start` for `device`.
  ///
  /// - Returns: false, with no change, if the range is empty, wraps around or overlaps a claimed range.
  public func insert(_ device: any BusDevice, start: UInt64, byteCount: UInt64) -> Bool {
    let (end, overflow) = start.addingReportingOverflow(byteCount)
    guard byteCount > 0, !overflow else { return false }
    return entries.withLock { entries in
      guard !entries.contains(where: { $0.start < end && start < $0.start + $0.byteCount }) else {
        return false
      }
      let place = entries.firstIndex { $0.start > start } ?? entries.count
      entries.insert(Entry(start: start, byteCount: byteCount, device: device), at: place)
      return true
    }
  }

  /// Releases the range that starts at `start`, if `device` holds it.
  public func remove(_ device: any BusDevice, start: UInt64) {
    entries.withLock { entries in entries.removeAll { $0.start == start && $0.device === device } }
  }

  /// Reads `byteCount` bytes; returns all ones if no device claims them.
  public func read(_ address: UInt64, byteCount: Int) -> UInt64 {
    guard let (device, offset) = find(address, byteCount: byteCount) else { return Self.floating(byteCount) }
    return device.read(offset: offset, byteCount: byteCount) & Self.floating(byteCount)
  }

  /// Writes `byteCount` bytes; does nothing if no device claims them.
  public func write(_ address: UInt64, byteCount: Int, value: UInt64) {
    guard let (device, offset) = find(address, byteCount: byteCount) else { return }
    device.write(offset: offset, byteCount: byteCount, value: value)
  }

  /// Whether a device claims `byteCount` bytes from `address`.
  public func isClaimed(_ address: UInt64, byteCount: Int) -> Bool {
    find(address, byteCount: byteCount) != nil
  }

  /// The value of a read of `byteCount` bytes that no device claims: all ones.
  public static func floating(_ byteCount: Int) -> UInt64 {
    byteCount >= 8 ? .max : (1 << UInt64(max(byteCount, 0) * 8)) - 1
  }

  private func find(_ address: UInt64, byteCount: Int) -> (any BusDevice, UInt64)? {
    entries.withLock { entries in
      guard let entry = entries.last(where: { $0.start <= address }) else { return nil }
      let offset = address - entry.start
      guard offset < entry.byteCount, UInt64(max(byteCount, 0)) <= entry.byteCount - offset else {
        return nil
      }
      return (entry.device, offset)
    }
  }
}

/// The two address spaces of the processor.
public enum AddressSpace: Hashable, Sendable {
  /// Guest-physical addresses.
  case memory
  /// x86 ports.
  case port
}

/// An address in the x86 port space.
public struct PortAddress: RawRepresentable, Hashable, Sendable {
  /// The port.
  public var rawValue: UInt16
  /// Wraps `rawValue`.
  public init(rawValue: UInt16) { self.rawValue = rawValue }
  /// Wraps `rawValue`.
  public init(_ rawValue: UInt16) { self.rawValue = rawValue }
}

/// A device that answers reads and writes of a range of ports or memory addresses.
///
/// vCPU threads call it, several at the same time; the device does its own locking.
public protocol BusDevice: AnyObject, Sendable {
  /// Answers a read of 1, 2, 4 or 8 bytes at `offset` bytes into the range.
  ///
  /// Never traps, whatever the offset; an offset without a register reads as all ones.
  func read(offset: UInt64, byteCount: Int) -> UInt64

  /// Handles a write of 1, 2, 4 or 8 bytes at `offset` bytes into the range. Ignores an offset without a register.
  func write(offset: UInt64, byteCount: Int, value: UInt64)
}
