/// The commands by which firmware puts the ACPI tables into memory of its choice (SeaBIOS src/fw/romfile_loader.h; each has 128 bytes).
struct FirmwareTableLoader {
  /// The file of the root pointer.
  static let rootPointerFile = "etc/acpi/rsdp"
  /// The file of all other tables.
  static let tablesFile = "etc/acpi/tables"

  private enum Command {
    static let allocate: UInt32 = 1
    static let addPointer: UInt32 = 2
    static let addChecksum: UInt32 = 3
  }

  /// Where a file goes.
  private enum Zone {
    /// Below 4 GiB.
    static let high: UInt8 = 1
    /// Segment F000h, where operating systems search for the root pointer.
    static let segmentF: UInt8 = 2
  }

  private static let commandByteCount = 128
  private static let nameByteCount = 56

  /// The root pointer.
  let rootPointer: [UInt8]
  /// The tables, whose addresses count from the start of these bytes.
  let tables: [UInt8]
  /// The commands.
  let commands: [UInt8]

  /// Commands for tables that were made for address 0.
  init(_ source: ACPITables) {
    rootPointer = Array(source.bytes.prefix(ACPITables.rootPointerByteCount))
    // The root pointer's place stays, so that the addresses are right, but a search finds only the pointer in segment F000h.
    tables =
      [UInt8](repeating: 0, count: rootPointer.count) + source.bytes.dropFirst(rootPointer.count)
    var commands = [
      Self.allocate(Self.rootPointerFile, alignment: 16, zone: Zone.segmentF),
      Self.allocate(Self.tablesFile, alignment: UInt32(ACPITables.alignment), zone: Zone.high),
    ]
    for link in source.links {
      let isRoot = link.offset < rootPointer.count
      commands.append(Self.addPointer(isRoot ? Self.rootPointerFile : Self.tablesFile, link))
    }
    for sum in source.checksums {
      let isRoot = sum.start < rootPointer.count
      commands.append(Self.addChecksum(isRoot ? Self.rootPointerFile : Self.tablesFile, sum))
    }
    self.commands = commands.flatMap { $0 + [UInt8](repeating: 0, count: Self.commandByteCount - $0.count) }
  }

  private static func allocate(_ file: String, alignment: UInt32, zone: UInt8) -> [UInt8] {
    var command = LittleEndianBytes()
    command.append(Command.allocate)
    command.append(file, byteCount: nameByteCount, padding: 0)
    command.append(alignment)
    command.append([zone])
    return command.bytes
  }

  /// Adds the address of the file of tables to the number at `link` of `file`.
  private static func addPointer(_ file: String, _ link: ACPITables.Link) -> [UInt8] {
    var command = LittleEndianBytes()
    command.append(Command.addPointer)
    command.append(file, byteCount: nameByteCount, padding: 0)
    command.append(tablesFile, byteCount: nameByteCount, padding: 0)
    command.append(UInt32(link.offset))
    command.append([UInt8(link.byteCount)])
    return command.bytes
  }

  /// Corrects the checksum of a run of `file`.
  private static func addChecksum(_ file: String, _ sum: ACPITables.Checksum) -> [UInt8] {
    var command = LittleEndianBytes()
    command.append(Command.addChecksum)
    command.append(file, byteCount: nameByteCount, padding: 0)
    command.append(UInt32(sum.offset))
    command.append(UInt32(sum.start))
    command.append(UInt32(sum.byteCount))
    return command.bytes
  }
}
