/// The capabilities of a device that its guest sees (PCI Local Bus 3.0 §6.7), at the device's own offsets.
///
/// | capability | what becomes of it |
/// |---|---|
/// | MSI (05h), MSI-X (11h) | emulated: the guest's messages go to KVM, the host's to the device |
/// | PCI Express (10h), vendor-specific (09h) | passed on; the host's kernel filters writes |
/// | any other, such as power management (01h), vital product data (03h), advanced features (13h) | hidden |
///
/// A guest that could put the device to sleep would take its BARs out of the host's address space while they are mapped.
struct VFIOCapabilities: Equatable, Sendable {
  private enum ID {
    static let msi: UInt8 = 0x05
    static let vendor: UInt8 = 0x09
    static let express: UInt8 = 0x10
    static let msix: UInt8 = 0x11
  }

  /// A place in a BAR.
  struct Place: Equatable, Sendable {
    var bar: Int
    var range: Range<UInt64>

    /// The range, if it is in `bar`.
    func range(in bar: Int) -> [Range<UInt64>] { self.bar == bar ? [range] : [] }
  }

  /// Message-signalled interrupts (§6.8.1).
  struct MSI: Equatable, Sendable {
    var offset: Int
    /// How many messages the device can send, a power of two up to 32.
    var vectorCount: Int
    var hasWideAddress: Bool
    var hasMask: Bool

    /// The offsets of its registers.
    var control: Int { offset + 2 }
    var address: Int { offset + 4 }
    var data: Int { offset + (hasWideAddress ? 12 : 8) }
    var mask: Int { data + 4 }
    var byteCount: Int { hasMask ? mask + 8 - offset : data + 2 - offset }

    /// Bits of the control register.
    static let enable: UInt32 = 1
    static let countShift: UInt32 = 4
  }

  /// MSI-X (§6.8.2).
  struct MSIX: Equatable, Sendable {
    var offset: Int
    var vectorCount: Int
    var table: Place
    var pendingBits: Place

    var control: Int { offset + 2 }

    /// Bits of the control register.
    static let enable: UInt32 = 1 << 15
    static let functionMask: UInt32 = 1 << 14
  }

  /// A capability that is passed on.
  struct Passed: Equatable, Sendable {
    var id: UInt8
    /// Its bytes, ID and link included.
    var range: Range<Int>
    /// Its bytes that the device answers for: all but ID and link.
    var body: Range<Int> { range.lowerBound + 2..<range.upperBound }
  }

  private(set) var msi: MSI?
  private(set) var msix: MSIX?
  private(set) var passed: [Passed] = []
  /// The offsets of those that the guest sees, in the device's order.
  private var order: [Int] = []

  /// Finds the capabilities in `bytes`, the first 256 of a configuration space.
  ///
  /// - Parameter barByteCounts: the size of each BAR; a table of MSI-X that does not lie in one is not used.
  init(_ bytes: [UInt8], barByteCounts: [UInt64]) {
    guard bytes[PCIConfigurationSpace.Register.status] & UInt8(PCIConfigurationSpace.Status.capabilities) != 0
    else { return }
    var chain: [Int] = []
    var place = Int(bytes[PCIConfigurationSpace.Register.capabilitiesPointer]) & ~3
    while place >= 0x40, !chain.contains(place) {
      chain.append(place)
      place = Int(bytes[place + 1]) & ~3
    }
    let ends = chain.sorted() + [256]
    for offset in chain {
      let room = (ends.first { $0 > offset } ?? 256) - offset
      if add(bytes, offset, room: room, barByteCounts) { order.append(offset) }
    }
  }

  private mutating func add(_ bytes: [UInt8], _ offset: Int, room: Int, _ barByteCounts: [UInt64]) -> Bool {
    switch bytes[offset] {
    case ID.msi where room >= 10 && msi == nil:
      let control = Self.number(bytes, offset + 2, 2)
      let found = MSI(
        offset: offset, vectorCount: 1 << Int(min(control >> 1 & 7, 5)),
        hasWideAddress: control & 1 << 7 != 0, hasMask: control & 1 << 8 != 0)
      guard found.byteCount <= room else { return false }
      msi = found
    case ID.msix where room >= 12 && msix == nil:
      let count = Int(Self.number(bytes, offset + 2, 2) & 0x7FF) + 1
      guard let table = Self.place(bytes, offset + 4, byteCount: UInt64(count) * 16, barByteCounts),
        let pending = Self.place(bytes, offset + 8, byteCount: UInt64((count + 63) / 64) * 8, barByteCounts)
      else { return false }
      msix = MSIX(offset: offset, vectorCount: count, table: table, pendingBits: pending)
    case ID.vendor where room >= 4:
      let byteCount = min(max(Int(bytes[offset + 2]), 3), room)
      passed.append(Passed(id: ID.vendor, range: offset..<offset + byteCount))
    case ID.express where room >= 4:
      // The first version of the capability ends behind the link's registers, the second one behind those of slots.
      let byteCount = min(bytes[offset + 2] & 0xF == 1 ? 0x14 : 0x3C, room)
      passed.append(Passed(id: ID.express, range: offset..<offset + byteCount))
    default: return false
    }
    return true
  }

  /// The capabilities as the guest's configuration space begins with them.
  func placed(_ bytes: [UInt8]) -> [PCIPlacedCapability] {
    order.map { offset in
      if let msi, msi.offset == offset { return Self.placed(msi, bytes) }
      if let msix, msix.offset == offset {
        var body = Array(bytes[offset..<offset + 12])
        body[3] &= 0x07  // enable and function mask
        return PCIPlacedCapability(offset: offset, bytes: body, writable: [3: 0xC0])
      }
      // The device answers for the rest.
      return PCIPlacedCapability(offset: offset, bytes: [bytes[offset], 0])
    }
  }

  private static func placed(_ msi: MSI, _ bytes: [UInt8]) -> PCIPlacedCapability {
    var body = [UInt8](repeating: 0, count: msi.byteCount)
    body[0] = bytes[msi.offset]
    // What the device can do; neither enabled nor with a number of messages.
    body[2] = bytes[msi.control] & 0x8E
    body[3] = bytes[msi.control + 1] & 0x01
    var writable: [Int: UInt8] = [2: 0x71, 4: 0xFC]
    for index in 5..<msi.data - msi.offset + 2 { writable[index] = 0xFF }
    if msi.hasMask {
      for index in 0..<4 { writable[msi.mask - msi.offset + index] = 0xFF }
    }
    return PCIPlacedCapability(offset: msi.offset, bytes: body, writable: writable)
  }

  /// A register that has a BAR's number in its lowest three bits, and an offset in the others; nil if the BAR has not
  /// `byteCount` bytes there.
  private static func place(
    _ bytes: [UInt8], _ register: Int, byteCount: UInt64, _ barByteCounts: [UInt64]
  ) -> Place? {
    let value = number(bytes, register, 4)
    let (bar, start) = (Int(value & 7), UInt64(value & ~7))
    guard bar < barByteCounts.count, start + byteCount <= barByteCounts[bar] else { return nil }
    return Place(bar: bar, range: start..<start + byteCount)
  }

  /// The little-endian number of `count` bytes, at most four, at `offset`.
  static func number(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> UInt32 {
    (0..<count).reduce(0) { $0 | UInt32(bytes[offset + $1]) << UInt32($1 * 8) }
  }
}
