/// Access to the BAR through configuration space, for drivers that cannot map it (virtio 1.2 §4.1.4.9).
extension VirtioPCI {
  /// Reads configuration space; a read of the capability's data reads the BAR.
  public func readConfiguration(_ offset: Int, byteCount: Int) -> UInt32 {
    guard let (data, bar, start, length) = window(offset, byteCount) else {
      return configuration.read(offset, byteCount: byteCount)
    }
    let value = readBAR(bar, offset: start, byteCount: length)
    return UInt32(truncatingIfNeeded: value >> UInt64((offset - data) * 8))
  }

  /// Writes configuration space; a write to the capability's data writes the BAR.
  public func writeConfiguration(_ offset: Int, byteCount: Int, value: UInt32) {
    configuration.write(offset, byteCount: byteCount, value: value)
    guard let (data, bar, start, length) = window(offset, byteCount) else { return }
    let value = UInt64(configuration.read(data, byteCount: 4))
    writeBAR(bar, offset: start, byteCount: length, value: value & AddressBus.floating(length))
  }

  /// The BAR access behind an access to the capability's data; nil for another access, or if the driver prepared it
  /// wrongly.
  private func window(_ offset: Int, _ byteCount: Int) -> (data: Int, bar: Int, start: UInt64, length: Int)? {
    typealias Access = VirtioPCILayout.ConfigurationAccess
    guard transport == .modern, let capability = configuration.vendorCapabilityOffsets.last else {
      return nil
    }
    let data = capability + Access.data
    guard offset >= data, offset - data <= 4 - byteCount else { return nil }
    let bar = Int(configuration.read(capability + Access.bar, byteCount: 1))
    let start = configuration.read(capability + Access.offset, byteCount: 4)
    let length = configuration.read(capability + Access.length, byteCount: 4)
    guard bar == VirtioPCILayout.structuresBAR, [1, 2, 4].contains(length), start % length == 0,
      start < VirtioPCILayout.structuresByteCount
    else { return nil }
    return (data, bar, UInt64(start), Int(length))
  }
}
