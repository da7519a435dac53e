/// The size of a frame buffer, whose pixels have 32 bits: blue in the lowest byte, then green, red and a byte without meaning.
public struct VideoMode: Hashable, Sendable, CustomStringConvertible {
  /// The mode of a display without another one.
  public static let standard = VideoMode(uncheckedWidth: 1024, height: 768)
  /// The widths and heights that a mode may have, in pixels.
  public static let sizes: ClosedRange<Int> = 64...4096
  /// The number of bytes of a pixel.
  public static let bytesPerPixel = 4

  /// Pixels of a row.
  public let width: Int
  /// Number of rows.
  public let height: Int

  /// A mode; nil unless both numbers are among ``sizes`` and all pixels fit into the guest's addresses for them.
  public init?(width: Int, height: Int) {
    guard Self.sizes.contains(width), Self.sizes.contains(height) else { return nil }
    self.init(uncheckedWidth: width, height: height)
    guard UInt64(regionByteCount) <= BootLayout.frameBufferByteLimit else { return nil }
  }

  private init(uncheckedWidth: Int, height: Int) {
    width = uncheckedWidth
    self.height = height
  }

  /// The mode of a number as `vga=` of Linux and kvmtool's `--vidmode` take it (VESA's plus 200h); nil for one that is not among
  /// those with 32 bits.
  public init?(number: Int) {
    let modes: [Int: VideoMode] = [
      0x312: VideoMode(uncheckedWidth: 640, height: 480), 0x315: VideoMode(uncheckedWidth: 800, height: 600),
      0x318: VideoMode(uncheckedWidth: 1024, height: 768),
      0x31B: VideoMode(uncheckedWidth: 1280, height: 1024),
    ]
    guard let mode = modes[number] else { return nil }
    self = mode
  }

  /// Bytes of a row.
  public var bytesPerRow: Int { width * Self.bytesPerPixel }
  /// Bytes of all rows.
  public var byteCount: Int { bytesPerRow * height }
  /// Number of units of 64 KiB, in which VESA counts, that hold all rows.
  var unitCount: Int { (byteCount + 0xFFFF) >> 16 }
  /// Bytes of these units.
  var regionByteCount: Int { unitCount << 16 }

  /// "1024x768".
  public var description: String { "\(width)x\(height)" }
}
