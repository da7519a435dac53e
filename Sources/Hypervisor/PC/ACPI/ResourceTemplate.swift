/// A device's resources (ACPI 6.5 §6.4), closed by an end tag.
struct ResourceTemplate {
  private var descriptors = LittleEndianBytes()

  /// The resources of a device or bridge, as a value for _CRS.
  var aml: AML { .buffer(descriptors.bytes + [0x79, 0]) }

  /// Ports at a fixed address: the I/O port descriptor, 16-bit decode (§6.4.2.5).
  mutating func addPorts(_ start: UInt16, byteCount: UInt8) {
    descriptors.append([0x47, 1])
    descriptors.append(start)
    descriptors.append(start)
    descriptors.append([1, byteCount])
  }

  /// An edge-triggered, active high interrupt line that is not shared (§6.4.2.1).
  mutating func addInterruptLine(_ line: UInt8) {
    descriptors.append([0x22])
    descriptors.append(1 << UInt16(line & 15) as UInt16)
  }

  /// The bus numbers that a bridge decodes: a word address space descriptor (§6.4.3.5.3).
  mutating func addBusNumbers(_ range: ClosedRange<UInt16>) { addWords(type: 2, typeFlags: 0, range) }

  /// Adds ports that a bridge passes on.
  mutating func addPortWindow(_ range: ClosedRange<UInt16>) {
    addWords(type: 1, typeFlags: 3, range)  // ISA and other ranges alike
  }

  /// Adds memory addresses that a bridge passes on: a double word address space descriptor (§6.4.3.5.2).
  mutating func addMemoryWindow(_ range: ClosedRange<UInt32>) {
    descriptors.append([0x87, 23, 0, 0, Self.fixedRange, 1])  // memory; read-write, not cacheable
    descriptors.append(0 as UInt32)
    descriptors.append(range.lowerBound)
    descriptors.append(range.upperBound)
    descriptors.append(0 as UInt32)
    descriptors.append(range.upperBound - range.lowerBound + 1)
  }

  /// General flags: produced by a bridge, minimum and maximum are fixed.
  private static let fixedRange: UInt8 = 0x0C

  private mutating func addWords(type: UInt8, typeFlags: UInt8, _ range: ClosedRange<UInt16>) {
    descriptors.append([0x88, 13, 0, type, Self.fixedRange, typeFlags])
    descriptors.append(0 as UInt16)
    descriptors.append(range.lowerBound)
    descriptors.append(range.upperBound)
    descriptors.append(0 as UInt16)
    descriptors.append(range.upperBound - range.lowerBound + 1)
  }
}
