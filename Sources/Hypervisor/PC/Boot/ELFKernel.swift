/// The headers of an ELF kernel (System V ABI, chapters 4 and 5; x86-64 supplement).
struct ELFKernel: Sendable {
  /// A run of the file with a physical load address; RAM behind it, up to its size in memory, stays zero.
  struct Segment: Sendable {
    let fileOffset: UInt64
    let fileByteCount: UInt64
    let address: UInt64
    let memoryByteCount: UInt64

    var endAddress: UInt64 { address + memoryByteCount }
  }

  private enum Machine {
    static let x86_64: UInt16 = 62
    /// The names of processors with Linux kernels, by their e_machine values.
    static let names: [UInt16: String] = [
      2: "SPARC", 3: "32-bit x86", 8: "MIPS", 20: "PowerPC", 21: "64-bit PowerPC", 22: "S390", 40: "ARM",
      43: "64-bit SPARC", 183: "ARM64", 243: "RISC-V", 258: "LoongArch",
    ]
  }

  private static let headerByteCount: UInt64 = 64
  private static let programHeaderByteCount: UInt64 = 56
  private static let programHeaderLimit: UInt16 = 128
  private static let loadType: UInt32 = 1
  private static let noteType: UInt32 = 4
  /// Maximum size of the notes that are read; no kernel's notes are larger.
  private static let noteLimit: UInt64 = 64 << 10
  /// XEN_ELFNOTE_PHYS32_ENTRY: the 32-bit entry of PVH (Xen, docs/misc/pvh).
  private static let physical32Entry: UInt32 = 18

  let segments: [Segment]
  /// The 64-bit entry, which expects the zero page.
  let entry: UInt64
  /// The 32-bit entry, which expects PVH's start info.
  let pvhEntry: UInt32?

  /// End of the memory that the segments occupy.
  var endAddress: UInt64 { segments.map(\.endAddress).max() ?? 0 }

  static func matches(_ head: LittleEndianBytes) -> Bool { head.holds("\u{7F}ELF", at: 0) }

  init(_ head: LittleEndianBytes, file: borrowing BootFile) throws(BootError) {
    let subject = file.subject
    try file.require(through: Self.headerByteCount)
    let machine = Self.field(UInt16.self, head, 18)
    let isLittleEndian = head.bytes[5] == 1
    guard isLittleEndian, machine == Machine.x86_64 else {
      if isLittleEndian, machine == 3 { throw .noLongMode(subject) }
      let number = isLittleEndian ? machine : machine.byteSwapped
      throw .otherArchitecture(subject, Machine.names[number] ?? "ELF machine \(number)")
    }
    guard head.bytes[4] == 2 else { throw .noLongMode(subject) }
    guard Self.field(UInt16.self, head, 16) == 2 else {
      throw .unsupportedImage(subject, "an ELF file that is no executable at a fixed address")
    }
    let tableOffset = Self.field(UInt64.self, head, 32)
    let count = Self.field(UInt16.self, head, 56)
    guard Self.field(UInt16.self, head, 54) == UInt16(Self.programHeaderByteCount),
      (1...Self.programHeaderLimit).contains(count)
    else { throw .badHeader(subject, "its program header table is malformed") }
    let tableByteCount = UInt64(count) * Self.programHeaderByteCount
    try Self.require(file, tableOffset, tableByteCount)
    let table = LittleEndianBytes(try file.prefix(Int(tableByteCount), at: tableOffset))

    var segments: [Segment] = []
    var pvhEntry: UInt32?
    for start in stride(from: 0, to: Int(tableByteCount), by: Int(Self.programHeaderByteCount)) {
      let type = Self.field(UInt32.self, table, start)
      let offset = Self.field(UInt64.self, table, start + 8)
      let fileByteCount = Self.field(UInt64.self, table, start + 32)
      if type == Self.noteType {
        try Self.require(file, offset, fileByteCount)
        let notes = try file.prefix(Int(min(fileByteCount, Self.noteLimit)), at: offset)
        pvhEntry = pvhEntry ?? Self.pvhEntry(in: LittleEndianBytes(notes))
      }
      guard type == Self.loadType else { continue }
      let segment = Segment(
        fileOffset: offset, fileByteCount: fileByteCount, address: Self.field(UInt64.self, table, start + 24),
        memoryByteCount: Self.field(UInt64.self, table, start + 40))
      if segment.memoryByteCount == 0 { continue }
      try Self.check(segment, file)
      segments.append(segment)
    }
    guard !segments.isEmpty else { throw .badHeader(subject, "it has nothing to load") }
    entry = Self.field(UInt64.self, head, 24)
    let start = pvhEntry.map(UInt64.init) ?? entry
    guard segments.contains(where: { $0.address <= start && start < $0.endAddress }) else {
      throw .badHeader(subject, "its entry 0x\(String(start, radix: 16)) lies outside of what is loaded")
    }
    self.segments = segments
    self.pvhEntry = pvhEntry
  }

  /// Reads a field of a header whose bytes are known to exist.
  private static func field<Value: FixedWidthInteger>(
    _ type: Value.Type, _ header: LittleEndianBytes, _ offset: Int
  ) -> Value { header.load(type, at: offset) ?? 0 }

  private static func require(
    _ file: borrowing BootFile, _ offset: UInt64, _ byteCount: UInt64
  ) throws(BootError) {
    let end = offset.addingReportingOverflow(byteCount)
    try file.require(through: end.overflow ? .max : end.partialValue)
  }

  private static func check(_ segment: Segment, _ file: borrowing BootFile) throws(BootError) {
    try require(file, segment.fileOffset, segment.fileByteCount)
    guard segment.fileByteCount <= segment.memoryByteCount else {
      throw .badHeader(file.subject, "a segment has more bytes in the file than in memory")
    }
    guard segment.address >= BootLayout.highMemory else {
      throw .badHeader(file.subject, "a segment lies below 1 MiB")
    }
    guard !segment.address.addingReportingOverflow(segment.memoryByteCount).overflow else {
      throw .badHeader(file.subject, "a segment wraps around 2^64")
    }
  }

  /// Finds PVH's entry in notes: name size, descriptor size, type, then name and descriptor, each padded to four bytes.
  private static func pvhEntry(in notes: LittleEndianBytes) -> UInt32? {
    var offset = 0
    while let nameByteCount = notes.load(UInt32.self, at: offset),
      let valueByteCount = notes.load(UInt32.self, at: offset + 4),
      let type = notes.load(UInt32.self, at: offset + 8)
    {
      let value = offset + 12 + (Int(nameByteCount) + 3) & ~3
      if type == physical32Entry, nameByteCount == 4, notes.holds("Xen\0", at: offset + 12),
        valueByteCount >= 4
      {
        return notes.load(UInt32.self, at: value)
      }
      offset = value + (Int(valueByteCount) + 3) & ~3
    }
    return nil
  }
}
