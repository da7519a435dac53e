import EmbeddedImage

/// The services of a PC's BIOS for real-mode kernels and programs, as the package's build embedded them.
public enum RealModeBIOSImage {
  /// Offset of the image in segment F000h, for which it is linked.
  public static let offset: UInt16 = 0xE000

  /// The words at the image's start, by their index: offsets in segment F000h.
  public enum Word: Int, CaseIterable, Sendable {
    /// The handler of vectors that nothing serves.
    case ignore
    /// The handler of services that the BIOS does not have.
    case refuse
    /// Interrupt 10h: the teletype, which writes to the first serial port.
    case video
    /// Interrupt 12h: the size of conventional memory.
    case memorySize
    /// Interrupt 15h: functions E820h, E801h and 88h.
    case system
    /// Interrupt 16h: a keyboard without keys.
    case keyboard
    /// Four words of the host's: the number of entries of the memory map, KiB from 1 MiB to 16 MiB, units of 64 KiB above, and KiB
    /// above 1 MiB. The entries follow, 20 bytes each.
    case memoryMap
  }

  /// A flat image.
  public static func bytes() -> [UInt8] { Base64Literal.decode(base64) }
}
