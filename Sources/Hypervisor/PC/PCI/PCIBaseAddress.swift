/// The properties of a function's base address register (PCI Local Bus 3.0 §6.2.5.1), or of its expansion ROM's (§6.2.5.2).
public struct PCIBaseAddress: Sendable, Equatable {
  /// The number of the expansion ROM's register.
  static let romIndex = 6
  /// The least size of an expansion ROM in bytes, because the lower bits of its register mean something else.
  static let leastROMByteCount: UInt32 = 2048

  /// The register's number, 0 to 5; 6 for the expansion ROM's.
  public let index: Int
  /// Whether it decodes memory or ports.
  public let space: AddressSpace
  /// Its size in bytes, a power of two: from 16 for memory, from 4 to 256 for ports.
  public let byteCount: UInt32

  init(index: Int, space: AddressSpace, byteCount: UInt32) {
    precondition((0...Self.romIndex).contains(index) && byteCount.nonzeroBitCount == 1)
    precondition(index != Self.romIndex || space == .memory && byteCount >= Self.leastROMByteCount)
    switch space {
    case .memory: precondition(byteCount >= 16)
    case .port: precondition((4...256).contains(byteCount))
    }
    self.index = index
    self.space = space
    self.byteCount = byteCount
  }

  /// The register's offset in configuration space.
  var register: Int {
    isROM ? PCIConfigurationSpace.Register.expansionROM : PCIConfigurationSpace.Register.firstBAR + index * 4
  }

  /// Whether it is the expansion ROM's, which has an enable bit of its own.
  var isROM: Bool { index == Self.romIndex }

  /// The register's bits that a guest can change.
  var writableBits: UInt32 { ~(byteCount - 1) | (isROM ? 1 : 0) }

  /// The register's constant low bits: memory of 32 bits that is not prefetchable, or ports.
  var typeBits: UInt32 {
    switch space {
    case .memory: 0
    case .port: 1
    }
  }

  /// The bit of the command register that enables decoding.
  var commandBit: UInt16 {
    switch space {
    case .memory: PCIConfigurationSpace.Command.memorySpace
    case .port: PCIConfigurationSpace.Command.portSpace
    }
  }

  /// The address in register value `value`; nil if the space has no such address.
  func address(in value: UInt32) -> UInt64? {
    switch space {
    case .memory where isROM: return value & 1 != 0 ? UInt64(value & ~(byteCount - 1)) : nil
    case .memory: return UInt64(value & ~0xF)
    case .port:
      let address = UInt64(value & ~0x3)
      return address + UInt64(byteCount) <= 1 << 16 ? address : nil
    }
  }
}
