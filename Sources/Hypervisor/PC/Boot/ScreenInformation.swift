/// The zero page's description of the screen, struct screen_info, for a linear frame buffer (include/uapi/linux/screen_info.h).
struct ScreenInformation {
  /// Offsets of the fields that a linear frame buffer has.
  enum Field {
    static let kind = 0x0F
    static let width = 0x12
    static let height = 0x14
    static let depth = 0x16
    static let base = 0x18
    static let unitCount = 0x1C
    static let bytesPerRow = 0x24
    static let colors = 0x26
    static let capabilities = 0x36
  }

  static let byteCount = 64
  /// VIDEO_TYPE_VLFB: a linear frame buffer of VESA's.
  private static let linearFrameBuffer: UInt8 = 0x23
  /// Bit 1 of VESA's capabilities: there are no registers of a VGA.
  private static let hasNoVGA: UInt32 = 1 << 1
  /// Number of bits and lowest bit of red, green, blue and of what is left.
  private static let colors: [UInt8] = [8, 16, 8, 8, 8, 0, 8, 24]

  let bytes: [UInt8]

  /// Describes a frame buffer at the guest-physical `address`, which is below 4 GiB.
  init(_ mode: VideoMode, address: UInt64) {
    var information = LittleEndianBytes(zeroes: Self.byteCount)
    information.set(Self.linearFrameBuffer, at: Field.kind)
    information.set(UInt16(truncatingIfNeeded: mode.width), at: Field.width)
    information.set(UInt16(truncatingIfNeeded: mode.height), at: Field.height)
    information.set(UInt16(VideoMode.bytesPerPixel * 8), at: Field.depth)
    information.set(UInt32(truncatingIfNeeded: address), at: Field.base)
    information.set(UInt32(truncatingIfNeeded: mode.unitCount), at: Field.unitCount)
    information.set(UInt16(truncatingIfNeeded: mode.bytesPerRow), at: Field.bytesPerRow)
    information.set(Self.colors, at: Field.colors)
    information.set(Self.hasNoVGA, at: Field.capabilities)
    bytes = information.bytes
  }
}
