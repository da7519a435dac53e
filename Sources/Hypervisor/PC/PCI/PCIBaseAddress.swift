/// The properties of a function's base address register (PCI Local Bus 3.0 §6.2.5.1).
public struct PCIBaseAddress: Sendable, Equatable {
  /// The register's number, 0 to 5.
  public let index: Int
  /// Whether it decodes memory or ports.
  public let space: AddressSpace
  /// Its size in bytes, a power of two: from 16 for memory, from 4 to 256 for ports.
  public let byteCount: UInt32

  init(index: Int, space: AddressSpace, byteCount: UInt32) {
    precondition((0..<6).contains(index) && byteCount.nonzeroBitCount == 1)
    switch space {
    case .memory: precondition(byteCount >= 16)
    case .port: precondition((4...256).contains(byteCount))
    }
    self.index = index
    self.space = space
    self.byteCount = byteCount
  }

  /// The register's offset in configuration space.
  var register: Int { PCIConfigurationSpace.Register.firstBAR + index * 4 }

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
    case .memory: return UInt64(value & ~0xF)
    case .port:
      let address = UInt64(value & ~0x3)
      return address + UInt64(byteCount) <= 1 << 16 ? address : nil
    }
  }
}
