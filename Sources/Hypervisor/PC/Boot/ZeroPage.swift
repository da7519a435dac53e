/// The zero page, struct boot_params (Documentation/arch/x86/zero-page.rst).
struct ZeroPage {
  /// Offsets of fields outside of the setup header.
  enum Field {
    static let acpiRootPointer = 0x070
    static let ramdiskImageHigh = 0x0C0
    static let ramdiskSizeHigh = 0x0C4
    static let commandLinePointerHigh = 0x0C8
    static let e820EntryCount = 0x1E8
    static let e820Table = 0x2D0
  }

  static let byteCount = 4096
  /// type_of_loader of a loader without an assigned number.
  private static let unregisteredLoader: UInt8 = 0xFF
  /// vid_mode "normal".
  private static let normalVideoMode: UInt16 = 0xFFFF

  private var page = LittleEndianBytes(zeroes: byteCount)

  var bytes: [UInt8] { page.bytes }

  /// Makes a page with the setup header of a bzImage; for a kernel without one, with the required fields.
  init(_ kernel: KernelImage.Kind) {
    switch kernel {
    case .bzImage(let image):
      page.set(image.header, at: BzImage.Field.setupSectors)
      page.set(UInt32(truncatingIfNeeded: image.loadAddress), at: BzImage.Field.code32Start)
    case .elf, .realModeKernel, .flatBinary:
      page.set(BzImage.bootFlag, at: BzImage.Field.bootFlag)
      page.set(BzImage.magic, at: BzImage.Field.magic)
      page.set(0x020C as UInt16, at: BzImage.Field.version)
      page.set(1 as UInt8, at: BzImage.Field.loadFlags)
      page.set(2 << 20 as UInt32, at: BzImage.Field.kernelAlignment)
    }
    page.set(Self.normalVideoMode, at: BzImage.Field.videoMode)
    page.set(Self.unregisteredLoader, at: BzImage.Field.loaderType)
  }

  mutating func setCommandLine(at address: UInt64) {
    setSplit(address, low: BzImage.Field.commandLinePointer, high: Field.commandLinePointerHigh)
  }

  mutating func setInitrd(at address: UInt64, byteCount: UInt64) {
    setSplit(address, low: BzImage.Field.ramdiskImage, high: Field.ramdiskImageHigh)
    setSplit(byteCount, low: BzImage.Field.ramdiskSize, high: Field.ramdiskSizeHigh)
  }

  mutating func setACPIRootPointer(_ address: UInt64) { page.set(address, at: Field.acpiRootPointer) }

  /// Describes a linear frame buffer as VESA's BIOS does.
  mutating func setScreen(_ mode: VideoMode, at address: UInt64) {
    page.set(ScreenInformation(mode, address: address).bytes, at: 0)
  }

  mutating func setMemoryMap(_ map: E820Map) {
    page.set(UInt8(truncatingIfNeeded: map.entries.count), at: Field.e820EntryCount)
    page.set(map.entries.flatMap(\.bytes), at: Field.e820Table)
  }

  private mutating func setSplit(_ value: UInt64, low: Int, high: Int) {
    page.set(UInt32(truncatingIfNeeded: value), at: low)
    page.set(UInt32(truncatingIfNeeded: value >> 32), at: high)
  }
}
