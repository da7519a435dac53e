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
    static let i386: UInt16 = 3
    static let x86_64: UInt16 = 62
    /// The names of processors with Linux kernels, by their e_machine values.
    static let names: [UInt16: String] = [
      2: "SPARC", 3: "32-bit x86", 8: "MIPS", 20: "PowerPC", 21: "64-bit PowerPC", 22: "S390", 40: "ARM",
      43: "64-bit SPARC", 183: "ARM64", 243: "RISC-V", 258: "LoongArch",
    ]
  }

  /// Where the fields of one of the two classes are.
  private struct Layout {
    var headerByteCount: UInt64
    var tableOffset: Int
    var entryByteCount: Int
    var entryCount: Int
    var programHeaderByteCount: UInt64
    var fileOffset: Int
    var address: Int
    var fileByteCount: Int
    var memoryByteCount: Int
    var alignment: Int
    /// Whether addresses, offsets and sizes have 64 bits.
    var isWide: Bool

    static let elf64 = Layout(
      headerByteCount: 64, tableOffset: 32, entryByteCount: 54, entryCount: 56, programHeaderByteCount: 56,
      fileOffset: 8, address: 24, fileByteCount: 32, memoryByteCount: 40, alignment: 48, isWide: true)
    static let elf32 = Layout(
      headerByteCount: 52, tableOffset: 28, entryByteCount: 42, entryCount: 44, programHeaderByteCount: 32,
      fileOffset: 4, address: 12, fileByteCount: 16, memoryByteCount: 20, alignment: 28, isWide: false)

    func word(_ header: LittleEndianBytes, _ offset: Int) -> UInt64 {
      isWide
        ? ELFKernel.field(UInt64.self, header, offset) : UInt64(ELFKernel.field(UInt32.self, header, offset))
    }
  }

  private static let programHeaderLimit: UInt16 = 128
  private static let loadType: UInt32 = 1
  private static let noteType: UInt32 = 4
  /// Maximum size of the notes that are read; no kernel's notes are larger.
  private static let noteLimit: UInt64 = 64 << 10
  /// XEN_ELFNOTE_PHYS32_ENTRY: the 32-bit entry of PVH (Xen, docs/misc/pvh).
  private static let physical32Entry: UInt32 = 18

  let segments: [Segment]
  /// The 64-bit entry, which expects the zero page; a 32-bit kernel is not started there.
  let entry: UInt64
  /// The 32-bit entry, which expects PVH's start info.
  let pvhEntry: UInt32?

  /// End of the memory that the segments occupy.
  var endAddress: UInt64 { segments.map(\.endAddress).max() ?? 0 }

  static func matches(_ head: LittleEndianBytes) -> Bool { head.holds("\u{7F}ELF", at: 0) }

  init(_ head: LittleEndianBytes, file: borrowing BootFile) throws(BootError) {
    let subject = file.subject
    try file.require(through: Layout.elf32.headerByteCount)
    let layout = try Self.layout(head, subject)
    try file.require(through: layout.headerByteCount)
    guard Self.field(UInt16.self, head, 16) == 2 else {
      throw .unsupportedImage(subject, "an ELF file that is not a fixed-address executable (ET_EXEC)")
    }
    let tableOffset = layout.word(head, layout.tableOffset)
    let count = Self.field(UInt16.self, head, layout.entryCount)
    guard Self.field(UInt16.self, head, layout.entryByteCount) == UInt16(layout.programHeaderByteCount),
      (1...Self.programHeaderLimit).contains(count)
    else { throw .badHeader(subject, "its program header table is malformed") }
    let tableByteCount = UInt64(count) * layout.programHeaderByteCount
    try Self.require(file, tableOffset, tableByteCount)
    let table = LittleEndianBytes(try file.prefix(Int(tableByteCount), at: tableOffset))

    var segments: [Segment] = []
    var pvhEntry: UInt32?
    for start in stride(from: 0, to: Int(tableByteCount), by: Int(layout.programHeaderByteCount)) {
      let type = Self.field(UInt32.self, table, start)
      let offset = layout.word(table, start + layout.fileOffset)
      let fileByteCount = layout.word(table, start + layout.fileByteCount)
      if type == Self.noteType {
        try Self.require(file, offset, fileByteCount)
        let notes = try file.prefix(Int(min(fileByteCount, Self.noteLimit)), at: offset)
        // A segment may say 8 for the sake of one note, and pad the others to 4 bytes.
        for unit in layout.word(table, start + layout.alignment) == 8 ? [8, 4] : [4] {
          pvhEntry = pvhEntry ?? Self.pvhEntry(in: LittleEndianBytes(notes), padding: unit)
        }
      }
      guard type == Self.loadType else { continue }
      let segment = Segment(
        fileOffset: offset, fileByteCount: fileByteCount, address: layout.word(table, start + layout.address),
        memoryByteCount: layout.word(table, start + layout.memoryByteCount))
      if segment.memoryByteCount == 0 { continue }
      try Self.check(segment, file)
      segments.append(segment)
    }
    guard !segments.isEmpty else { throw .badHeader(subject, "it has nothing to load") }
    guard layout.isWide || pvhEntry != nil else { throw .noLongMode(subject) }
    entry = layout.word(head, 24)
    let start = pvhEntry.map(UInt64.init) ?? entry
    guard segments.contains(where: { $0.address <= start && start < $0.endAddress }) else {
      throw .badHeader(subject, "its entry 0x\(String(start, radix: 16)) lies outside of what is loaded")
    }
    self.segments = segments
    self.pvhEntry = pvhEntry
  }

  /// The fields of a kernel for this processor.
  private static func layout(
    _ head: LittleEndianBytes, _ subject: BootError.Subject
  ) throws(BootError) -> Layout {
    let machine = field(UInt16.self, head, 18)
    let isLittleEndian = head.bytes[5] == 1
    switch (isLittleEndian, machine, head.bytes[4]) {
    case (true, Machine.x86_64, 2): return .elf64
    case (true, Machine.i386, 1): return .elf32
    case (true, Machine.x86_64, _), (true, Machine.i386, _): throw .noLongMode(subject)
    default:
      let number = isLittleEndian ? machine : machine.byteSwapped
      throw .otherArchitecture(subject, Machine.names[number] ?? "ELF machine \(number)")
    }
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

  /// Walks notes: name size, descriptor size, type, then name and descriptor, each of which ends at a multiple of `unit`.
  private static func pvhEntry(in notes: LittleEndianBytes, padding unit: Int) -> UInt32? {
    func padded(_ offset: Int) -> Int { (offset + unit - 1) & ~(unit - 1) }
    var offset = 0
    while let nameByteCount = notes.load(UInt32.self, at: offset),
      let valueByteCount = notes.load(UInt32.self, at: offset + 4),
      let type = notes.load(UInt32.self, at: offset + 8)
    {
      let value = padded(offset + 12 + Int(nameByteCount))
      if type == physical32Entry, nameByteCount == 4, notes.holds("Xen\0", at: offset + 12),
        valueByteCount >= 4
      {
        return notes.load(UInt32.self, at: value)
      }
      offset = padded(value + Int(valueByteCount))
    }
    return nil
  }
}
