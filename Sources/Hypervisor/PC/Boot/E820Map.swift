/// The memory map that firmware passes to a kernel (ACPI 6.5 §15, "System Address Map Interfaces").
public struct E820Map: Equatable, Sendable {
  /// The kind of a range.
  public enum Kind: UInt32, Sendable {
    /// RAM that the kernel may use.
    case memory = 1
    /// Addresses that the kernel must not use.
    case reserved = 2
  }

  /// A range of guest-physical addresses.
  public struct Entry: Equatable, Sendable {
    /// First address.
    public var start: UInt64
    /// Length in bytes.
    public var byteCount: UInt64
    /// The kind of the range.
    public var kind: Kind

    /// A range from `start` up to `end`.
    init(_ start: UInt64, to end: UInt64, _ kind: Kind) {
      self.start = start
      byteCount = end - start
      self.kind = kind
    }

    /// The record that kernels, firmware and callers of a BIOS get: start, length and kind, 20 bytes.
    var bytes: [UInt8] {
      var record = LittleEndianBytes(encoding: [start, byteCount])
      record.append(kind.rawValue)
      return record.bytes
    }
  }

  /// The ranges, ascending, without overlap.
  public let entries: [Entry]

  /// The map of a guest with `memoryByteCount` bytes of RAM, at least ``BootLayout/minimumMemory``.
  ///
  /// - Parameter videoMode: the mode of its frame buffer, if it has one.
  public init(memoryByteCount: UInt64, videoMode: VideoMode? = nil) {
    var entries = [
      Entry(0, to: BootLayout.extendedBIOSData, .memory),
      Entry(BootLayout.extendedBIOSData, to: BootLayout.videoMemory, .reserved),
      Entry(BootLayout.biosArea, to: BootLayout.highMemory, .reserved),
      Entry(BootLayout.highMemory, to: BootLayout.lowMemoryEnd(memoryByteCount), .memory),
    ]
    if let videoMode {
      let end = BootLayout.frameBuffer + UInt64(videoMode.regionByteCount)
      entries.append(Entry(BootLayout.frameBuffer, to: end, .reserved))
    }
    entries.append(Entry(BootLayout.fixedDevices, to: GuestMemory.highStart, .reserved))
    if memoryByteCount > GuestMemory.pciHoleStart {
      let highByteCount = memoryByteCount - GuestMemory.pciHoleStart
      entries.append(Entry(GuestMemory.highStart, to: GuestMemory.highStart + highByteCount, .memory))
    }
    self.entries = entries
  }
}
