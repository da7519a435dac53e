import CGuest

/// A function on PCI bus 0, reached by configuration mechanism 1 (ports CF8h and CFCh).
struct DriverPCIFunction {
  private let device: UInt32
  private let function: UInt32

  /// Offsets in configuration space (PCI Local Bus Specification 3.0 §6.1, §6.8.2).
  private enum Register {
    static let identity: UInt32 = 0x00
    static let command: UInt32 = 0x04
    static let headerType: UInt32 = 0x0C
    static let baseAddress0: UInt32 = 0x10
    static let capabilities: UInt32 = 0x34
  }

  private static let configAddress: UInt16 = 0xCF8
  private static let configData: UInt16 = 0xCFC

  /// The first function on bus 0 with this identity.
  static func find(vendor: UInt16, device wanted: UInt16) throws(GuestFailure) -> DriverPCIFunction {
    let identity = UInt32(vendor) | UInt32(wanted) << 16
    for device in UInt32(0)..<32 {
      let first = DriverPCIFunction(device: device, function: 0)
      let found = first[Register.identity]
      if found == identity { return first }
      if found == 0xFFFF_FFFF { continue }
      let isMultifunction = first[Register.headerType] & 0x0080_0000 != 0
      if !isMultifunction { continue }
      for function in UInt32(1)..<8 {
        let other = DriverPCIFunction(device: device, function: function)
        if other[Register.identity] == identity { return other }
      }
    }
    throw GuestFailure(reason: .deviceMissing)
  }

  /// The 32-bit word at `offset`, a multiple of four.
  subscript(offset: UInt32) -> UInt32 {
    get {
      select(offset)
      return guest_in32(Self.configData)
    }
    nonmutating set {
      select(offset)
      guest_out32(Self.configData, newValue)
    }
  }

  private func select(_ offset: UInt32) {
    guest_out32(Self.configAddress, 0x8000_0000 | device << 11 | function << 8 | offset & 0xFC)
  }

  /// Lets the function answer memory accesses and write to memory itself.
  func enable() {
    let memoryAndBusMaster: UInt32 = 1 << 1 | 1 << 2
    // The upper half is the status register, whose bits are cleared by writing ones.
    self[Register.command] = self[Register.command] & 0xFFFF | memoryAndBusMaster
  }

  /// The address that the host gave to memory BAR `index`, of 32 or 64 bits.
  func baseAddress(_ index: UInt32) throws(GuestFailure) -> UInt64 {
    guard index < 6 else { throw GuestFailure(reason: .deviceMissing) }
    let low = self[Register.baseAddress0 + index * 4]
    let isPort = low & 1 != 0
    guard !isPort else { throw GuestFailure(reason: .deviceMissing) }
    var address = UInt64(low & ~0xF)
    let is64Bit = low & 0b110 == 0b100
    if is64Bit && index < 5 { address |= UInt64(self[Register.baseAddress0 + (index + 1) * 4]) << 32 }
    guard address != 0 else { throw GuestFailure(reason: .deviceMissing) }
    return address
  }

  /// The offset of the first capability with `identifier` after the one at `previous`; nil if there is none.
  func capability(_ identifier: UInt32, after previous: UInt32? = nil) -> UInt32? {
    var next =
      if let previous { self[previous] >> 8 & 0xFC } else { self[Register.capabilities] & 0xFC }
    // A list of 48 capabilities fills the space: a longer one runs in a circle.
    for _ in 0..<48 {
      if next == 0 { return nil }
      let header = self[next]
      if header & 0xFF == identifier { return next }
      next = header >> 8 & 0xFC
    }
    return nil
  }
}
