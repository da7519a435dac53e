import Hypervisor
import Testing

/// Addresses of a kernel's functions.
@Suite struct KernelSymbolsTests {
  private static let map = """
    0000000000000000 A fixed
    ffffffff81000000 T _stext
    ffffffff81001000 T schedule
    ffffffff81002000 t helper
    ffffffff81a00b40 T asm_exc_divide_error
    ffffffff82000000 D data

    """

  private static func symbols(_ bytes: [UInt8]) -> KernelSymbols? {
    let file = BootImageFile(bytes)
    return KernelSymbols.beside(kernel: file.path, release: nil)
  }

  @Test func `an address is that of the last function before it, wherever the kernel moved to`() throws {
    let symbols = try #require(Self.symbols(Array(Self.map.utf8)))
    #expect(symbols.function(at: 0xFFFF_FFFF_8100_1000, divideErrorHandler: nil) == "schedule+0x0")
    #expect(symbols.function(at: 0xFFFF_FFFF_8100_1FFF, divideErrorHandler: nil) == "schedule+0xfff")
    #expect(symbols.function(at: 0xFFFF_FFFF_80FF_FFFF, divideErrorHandler: nil) == nil)
    #expect(symbols.function(at: 0xFFFF_FFFF_8200_0000, divideErrorHandler: nil) == nil)
    let moved: UInt64 = 0x1C00_0000
    #expect(
      symbols.function(
        at: 0xFFFF_FFFF_8100_2010 + moved, divideErrorHandler: 0xFFFF_FFFF_81A0_0B40 + moved) == "helper+0x10"
    )
  }

  @Test func `what has no symbols gives none`() {
    #expect(Self.symbols([]) == nil)
    #expect(Self.symbols(Array("ffffffffffffffff B The real System.map is elsewhere\n".utf8)) == nil)
    #expect(Self.symbols(BootImageBytes.bzImage().bytes) == nil)
    #expect(Self.symbols(BootImageBytes.elf().bytes) == nil)
  }

  @Test func `an ELF file's table of symbols is read, and whatever is cut off or nonsense is not`() throws {
    let image = Self.elf()
    let symbols = try #require(Self.symbols(image.bytes))
    #expect(symbols.function(at: 0x100_0008, divideErrorHandler: nil) == "spin+0x8")
    for length in stride(from: 5, to: image.bytes.count, by: 7) {
      _ = Self.symbols(Array(image.bytes.prefix(length)))
    }
    for offset in 40..<64 {
      var garbage = image
      garbage.set(UInt8.max, at: offset)
      _ = Self.symbols(garbage.bytes)
    }
  }

  /// A kernel with a table of two symbols, of which the first is no code, and their names.
  private static func elf() -> BootImageBytes {
    var image = BootImageBytes.elf()
    let names = Array("\0data\0spin\0".utf8)
    let (symbolTable, nameTable) = (image.bytes.count, image.bytes.count + 48)
    image.bytes += [UInt8](repeating: 0, count: 48) + names
    let sections = image.bytes.count
    image.bytes += [UInt8](repeating: 0, count: 3 * 64)
    for (index, name, kind, address) in [(0, 1, 3, 0x100_0000), (1, 6, 2, 0x100_0000)]
      as [(Int, UInt32, UInt8, UInt64)]
    {
      image.set(name, at: symbolTable + index * 24)
      image.set(kind, at: symbolTable + index * 24 + 4)
      image.set(1 as UInt16, at: symbolTable + index * 24 + 6)
      image.set(address, at: symbolTable + index * 24 + 8)
    }
    image.set(UInt64(sections), at: 40)
    image.set(64 as UInt16, at: 58)
    image.set(3 as UInt16, at: 60)
    for (index, type, offset, size, link) in [(1, 2, symbolTable, 48, 2), (2, 3, nameTable, names.count, 0)]
      as [(Int, UInt32, Int, Int, UInt32)]
    {
      image.set(type, at: sections + index * 64 + 4)
      image.set(UInt64(offset), at: sections + index * 64 + 24)
      image.set(UInt64(size), at: sections + index * 64 + 32)
      image.set(link, at: sections + index * 64 + 40)
    }
    return image
  }
}
