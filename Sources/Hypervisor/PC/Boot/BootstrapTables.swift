import VextProtocol

/// The GDT and the identity map of the first four GiB that the boot protocol requires (boot.rst, "64-bit Boot Protocol").
enum BootstrapTables {
  /// Selectors that both boot protocols define.
  enum Selector {
    static let code: UInt16 = 0x10
    static let data: UInt16 = 0x18
  }

  static let gdtLimit: UInt16 = 4 * 8 - 1

  private static let presentWritable: UInt64 = 0b11
  private static let largePage: UInt64 = 1 << 7
  private static let largePageByteCount: UInt64 = 2 << 20
  private static let tableByteCount: UInt64 = 4096

  static func write(to memory: GuestMemory) throws(GuestMemoryError) {
    var gdt = LittleEndianBytes(zeroes: 16)
    gdt.append(0x00AF_9B00_0000_FFFF as UInt64)  // 10h: code, 64-bit, execute and read
    gdt.append(0x00CF_9300_0000_FFFF as UInt64)  // 18h: data, read and write
    try memory.write(gdt.bytes, at: BootLayout.gdt)

    let root = BootLayout.pageTables.rawValue
    let pointers = root + tableByteCount
    let directories = pointers + tableByteCount
    try memory.store(pointers | presentWritable, at: GuestAddress(root))
    for gibibyte in 0..<4 as Range<UInt64> {
      let directory = directories + gibibyte * tableByteCount
      try memory.store(directory | presentWritable, at: GuestAddress(pointers + gibibyte * 8))
    }
    // The four directories lie one behind the other, and so do the pages that they map.
    for page in 0..<4 * 512 as Range<UInt64> {
      try memory.store(
        page * largePageByteCount | largePage | presentWritable, at: GuestAddress(directories + page * 8))
    }
  }
}
