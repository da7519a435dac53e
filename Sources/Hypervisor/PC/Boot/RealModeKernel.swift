import VextProtocol

/// A bzImage that starts in real mode, because it has no 64-bit entry or is older than boot protocol 2.12 (boot.rst, "The Real-Mode Kernel
/// Header").
///
/// Its setup code lies at ``BootLayout/realModeSegment`` and asks a BIOS for the memory map (``RealModeServices``).
struct RealModeKernel: Sendable {
  /// Fields that only this protocol has.
  private enum Field {
    static let heapEnd = 0x224
  }

  private static let minimumVersion: UInt16 = 0x0202
  /// loadflags' CAN_USE_HEAP: the heap's end is valid.
  private static let canUseHeap: UInt8 = 1 << 7
  /// Maximum number of sectors of setup code: it must fit below the heap's end.
  private static let sectorLimit = 63
  /// Setup code begins one sector behind its header.
  private static let entryOffset: UInt16 = 0x20
  /// The end of heap and stack in the segment.
  private static let stackTop: UInt16 = 0xE000
  private static let unregisteredLoader: UInt8 = 0xFF
  private static let normalVideoMode: UInt16 = 0xFFFF

  let version: UInt16
  let versionText: String?
  /// Number of bytes of setup code, from the file's start on.
  let setupByteCount: Int
  let payloadByteCount: UInt64
  let commandLineByteCount: UInt32
  let initrdAddressMax: UInt64
  /// End of the memory that the kernel is known to use.
  let endAddress: UInt64

  /// The registers at the start: the code's segment is behind the header.
  static var entry: LinuxBoot.Entry {
    .realMode(
      code: BootLayout.realModeSegment + entryOffset, instruction: 0, data: BootLayout.realModeSegment,
      stack: stackTop)
  }

  init(_ head: LittleEndianBytes, file: borrowing BootFile) throws(BootError) {
    func field<Value: FixedWidthInteger>(_ type: Value.Type, _ offset: Int) throws(BootError) -> Value {
      try BzImage.field(type, offset, of: head, file)
    }
    version = try field(UInt16.self, BzImage.Field.version)
    guard version >= Self.minimumVersion else { throw .protocolTooOld(file.subject, version: version) }
    setupByteCount = try BzImage.setupByteCount(of: head, file)
    let sectors = setupByteCount / 512 - 1
    guard sectors <= Self.sectorLimit else {
      throw .badHeader(file.subject, "its setup code has \(sectors) sectors")
    }
    try file.require(through: UInt64(setupByteCount) + 1)
    payloadByteCount = file.byteCount - UInt64(setupByteCount)
    initrdAddressMax =
      try version >= 0x0203 ? UInt64(field(UInt32.self, BzImage.Field.initrdAddressMax)) : 0x37FF_FFFF
    commandLineByteCount = try version >= 0x0206 ? field(UInt32.self, BzImage.Field.commandLineSize) : 255
    let usedByteCount = try version >= 0x020A ? UInt64(field(UInt32.self, BzImage.Field.initSize)) : 0
    // A file has less than 2^63 bytes.
    endAddress = BootLayout.highMemory + max(usedByteCount, payloadByteCount)
    versionText = try BzImage.versionText(
      at: try field(UInt16.self, BzImage.Field.kernelVersion), before: UInt64(setupByteCount), file: file)
  }

  /// The setup code with the fields that a boot loader fills in.
  func setup(
    _ file: borrowing BootFile, initrd: (address: UInt64, byteCount: UInt64)?
  ) throws(BootError) -> [UInt8] {
    var setup = LittleEndianBytes(try file.prefix(setupByteCount))
    guard setup.count == setupByteCount, let flags = setup.load(UInt8.self, at: BzImage.Field.loadFlags)
    else {
      throw .truncated(
        file.subject, byteCount: UInt64(setup.count), neededByteCount: UInt64(setupByteCount))
    }
    setup.set(Self.normalVideoMode, at: BzImage.Field.videoMode)
    setup.set(Self.unregisteredLoader, at: BzImage.Field.loaderType)
    setup.set(flags | Self.canUseHeap, at: BzImage.Field.loadFlags)
    setup.set(Self.stackTop - 0x200, at: Field.heapEnd)
    setup.set(
      UInt32(truncatingIfNeeded: BootLayout.commandLine.rawValue), at: BzImage.Field.commandLinePointer)
    if let initrd {
      setup.set(UInt32(truncatingIfNeeded: initrd.address), at: BzImage.Field.ramdiskImage)
      setup.set(UInt32(truncatingIfNeeded: initrd.byteCount), at: BzImage.Field.ramdiskSize)
    }
    return setup.bytes
  }
}

/// A program without any header, which starts in real mode at its first byte.
enum FlatBinary {
  /// Maximum size in bytes: up to the end of conventional memory.
  static let byteLimit = BootLayout.extendedBIOSData - UInt64(BootLayout.realModeSegment) << 4

  /// The registers at the start, which are those that kvmtool gives it.
  static let entry = LinuxBoot.Entry.realMode(
    code: BootLayout.realModeSegment, instruction: 0, data: BootLayout.realModeSegment, stack: 0x8000)

  /// Whether a file that begins with `head` may be one: a text is a mistake.
  static func matches(_ head: LittleEndianBytes) -> Bool {
    !head.bytes.prefix(64).allSatisfy { (0x20...0x7E).contains($0) || (0x09...0x0D).contains($0) }
  }
}
