/// The setup header of a bzImage (Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header").
struct BzImage: Sendable {
  /// Offsets in the file; the same offsets hold in the zero page.
  enum Field {
    static let setupSectors = 0x1F1
    static let paragraphs = 0x1F4
    static let videoMode = 0x1FA
    static let bootFlag = 0x1FE
    static let jump = 0x200
    static let magic = 0x202
    static let version = 0x206
    static let kernelVersion = 0x20E
    static let loaderType = 0x210
    static let loadFlags = 0x211
    static let code32Start = 0x214
    static let ramdiskImage = 0x218
    static let ramdiskSize = 0x21C
    static let commandLinePointer = 0x228
    static let initrdAddressMax = 0x22C
    static let kernelAlignment = 0x230
    static let relocatable = 0x234
    static let extendedLoadFlags = 0x236
    static let commandLineSize = 0x238
    static let preferredAddress = 0x258
    static let initSize = 0x260
  }

  /// Number of the file's bytes that contain the whole header.
  static let headerByteCount = 0x290
  static let bootFlag: UInt16 = 0xAA55
  /// "HdrS".
  static let magic: UInt32 = 0x5372_6448
  /// xloadflags' XLF_KERNEL_64: there is a 64-bit entry, 200h bytes into the protected-mode code.
  private static let hasLongModeEntry: UInt16 = 1 << 0
  /// loadflags' LOADED_HIGH: the protected-mode code belongs at 1 MiB or above.
  private static let loadedHigh: UInt8 = 1 << 0
  /// The first protocol version whose header describes the 64-bit entry.
  private static let minimumVersion: UInt16 = 0x020C
  private static let longModeEntryOffset: UInt64 = 0x200

  /// Bytes 1F1h up to the header's end, in the form of the zero page.
  let header: [UInt8]
  let version: UInt16
  let versionText: String?
  /// Offset of the protected-mode code in the file.
  let payloadOffset: UInt64
  let payloadByteCount: UInt64
  /// Load address of the protected-mode code.
  let loadAddress: UInt64
  /// End of the memory that the kernel uses before it reads the memory map.
  let endAddress: UInt64
  let initrdAddressMax: UInt64
  let commandLineByteCount: UInt32

  /// The 64-bit entry.
  var entry: UInt64 { loadAddress + Self.longModeEntryOffset }

  static func matches(_ head: LittleEndianBytes) -> Bool {
    head.load(UInt16.self, at: Field.bootFlag) == bootFlag
      && head.load(UInt32.self, at: Field.magic) == magic
  }

  /// Whether the header, which may be cut off, has no 64-bit entry.
  static func startsInRealMode(_ head: LittleEndianBytes) -> Bool {
    guard let version = head.load(UInt16.self, at: Field.version) else { return false }
    guard version >= minimumVersion else { return true }
    guard let flags = head.load(UInt16.self, at: Field.extendedLoadFlags) else { return false }
    return flags & hasLongModeEntry == 0
  }

  /// Reads a field of the header, which may be cut off.
  static func field<Value: FixedWidthInteger>(
    _ type: Value.Type, _ offset: Int, of head: LittleEndianBytes, _ file: borrowing BootFile
  ) throws(BootError) -> Value {
    guard let value = head.load(type, at: offset) else {
      throw .truncated(
        file.subject, byteCount: file.byteCount, neededByteCount: UInt64(headerByteCount))
    }
    return value
  }

  /// Number of bytes of boot sector and setup code, behind which the protected-mode code lies. Refuses a kernel whose code
  /// belongs below 1 MiB.
  static func setupByteCount(
    of head: LittleEndianBytes, _ file: borrowing BootFile
  ) throws(BootError) -> Int {
    guard try field(UInt8.self, Field.loadFlags, of: head, file) & loadedHigh != 0 else {
      throw .unsupportedImage(file.subject, "a kernel that is loaded below 1 MiB (zImage)")
    }
    // Zero means four, for compatibility with very old loaders.
    let sectors = Int(try field(UInt8.self, Field.setupSectors, of: head, file))
    return ((sectors == 0 ? 4 : sectors) + 1) * 512
  }

  init(_ head: LittleEndianBytes, file: borrowing BootFile) throws(BootError) {
    func field<Value: FixedWidthInteger>(_ type: Value.Type, _ offset: Int) throws(BootError) -> Value {
      try Self.field(type, offset, of: head, file)
    }
    version = try field(UInt16.self, Field.version)
    payloadOffset = UInt64(try Self.setupByteCount(of: head, file))
    // syssize counts paragraphs of 16 bytes, of which the file need not fill the last one.
    let paragraphs = UInt64(try field(UInt32.self, Field.paragraphs))
    try file.require(through: payloadOffset + (paragraphs == 0 ? 0 : paragraphs * 16 - 15))
    guard file.byteCount > payloadOffset + Self.longModeEntryOffset else {
      throw .truncated(
        file.subject, byteCount: file.byteCount,
        neededByteCount: payloadOffset + Self.longModeEntryOffset + 1)
    }
    payloadByteCount = file.byteCount - payloadOffset

    let alignment = UInt64(try field(UInt32.self, Field.kernelAlignment))
    let preferred = try field(UInt64.self, Field.preferredAddress)
    let isRelocatable = try field(UInt8.self, Field.relocatable) != 0
    guard alignment.nonzeroBitCount <= 1 else {
      throw .badHeader(file.subject, "kernel alignment \(alignment) is not a power of two")
    }
    // The protocol does not allow a relocatable kernel below its preferred address.
    var address = max(preferred, BootLayout.highMemory)
    if isRelocatable, alignment > 1 {
      guard address <= UInt64(UInt32.max) else {
        throw .badHeader(file.subject, "its preferred address is above 4 GiB")
      }
      address = (address + alignment - 1) & ~(alignment - 1)
    } else if address != preferred {
      throw .badHeader(file.subject, "it is not relocatable and wants to be below 1 MiB")
    }
    loadAddress = address
    let used = max(UInt64(try field(UInt32.self, Field.initSize)), payloadByteCount)
    let end = address.addingReportingOverflow(used)
    guard !end.overflow else { throw .badHeader(file.subject, "its memory wraps around 2^64") }
    endAddress = end.partialValue
    initrdAddressMax = UInt64(try field(UInt32.self, Field.initrdAddressMax))
    commandLineByteCount = try field(UInt32.self, Field.commandLineSize)

    // The operand of the jump at 200h holds the header's length (boot.rst, field "jump").
    let headerEnd = Field.magic + Int(try field(UInt8.self, Field.jump + 1))
    guard headerEnd > Field.initSize + 3, headerEnd <= head.count else {
      throw .badHeader(file.subject, "its setup header is \(headerEnd - Field.setupSectors) bytes long")
    }
    header = Array(head.bytes[Field.setupSectors..<headerEnd])
    versionText = try Self.versionText(
      at: try field(UInt16.self, Field.kernelVersion), before: payloadOffset, file: file)
  }

  /// The zero-terminated text that kernel_version points to, counted from 200h.
  static func versionText(
    at pointer: UInt16, before end: UInt64, file: borrowing BootFile
  ) throws(BootError) -> String? {
    let offset = UInt64(pointer) + 0x200
    guard pointer != 0, offset < end else { return nil }
    let text = try file.prefix(Int(min(256, end - offset)), at: offset).prefix { $0 != 0 }
    return text.isEmpty ? nil : String(decoding: text, as: UTF8.self)
  }
}
