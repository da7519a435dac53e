/// What a function says of one of its base address registers (PCI Local Bus 3.0 §6.2.5.1).
public struct PCIBaseAddress: Sendable, Equatable {
  /// Which of the six.
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

  /// Where the register is in configuration space.
  var register: Int { PCIConfigurationSpace.Register.firstBAR + index * 4 }

  /// The register's constant low bits: memory of 32 bits that is not prefetchable, or ports.
  var typeBits: UInt32 {
    switch space {
    case .memory: 0
    case .port: 1
    }
  }

  /// The command register's bit that makes it decode.
  var commandBit: UInt16 {
    switch space {
    case .memory: PCIConfigurationSpace.Command.memorySpace
    case .port: PCIConfigurationSpace.Command.portSpace
    }
  }

  /// The address in register value `value`, or nil for one that the space does not have.
  func address(in value: UInt32) -> UInt64? {
    switch space {
    case .memory: return UInt64(value & ~0xF)
    case .port:
      let address = UInt64(value & ~0x3)
      return address + UInt64(byteCount) <= 1 << 16 ? address : nil
    }
  }
}
