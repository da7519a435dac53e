import HostSystem

/// The functions of a guest's kernel by their addresses: from the `System.map` or the unstripped `vmlinux` beside its image.
///
/// A kernel that moved itself (KASLR) is found by its handler of divide errors, to which the first entry of the interrupt
/// descriptor table leads.
public struct KernelSymbols: Sendable {
  private struct Symbol {
    let address: UInt64
    let name: String
  }

  /// The section header and the symbol of a 64-bit ELF file (System V ABI, chapter 4).
  private enum ELF {
    static let sectionTable = 40
    static let sectionByteCount = 58
    static let sectionCount = 60
    static let symbolTableType: UInt64 = 2
    static let symbolByteCount = 24
    /// Types of symbols that may be code: of no type, as in assembly, and functions.
    static let codeTypes: ClosedRange<UInt64> = 0...2
  }

  private static let divideErrorHandlers = ["asm_exc_divide_error", "divide_error"]
  /// A function is shorter; what is farther behind a symbol is something else.
  private static let reach: UInt64 = 1 << 20

  /// Where they were read from.
  public let path: String
  /// By address.
  private let symbols: [Symbol]
  private let divideError: UInt64?

  /// The symbols beside the kernel at `path`, of this release; nil where no file has any.
  public static func beside(kernel path: String, release: String?) -> KernelSymbols? {
    for candidate in candidates(kernel: path, release: release) {
      // One that is not there, or not to be read: the next may be.
      guard let file = try? MappedFile(candidate) else { continue }
      let symbols = file.withBytes { bytes in self.symbols(in: bytes) }
      if !symbols.isEmpty { return KernelSymbols(path: candidate, symbols: symbols) }
    }
    return nil
  }

  /// The files that may have the symbols of the kernel at `path`, the likeliest first.
  public static func candidates(kernel path: String, release: String?) -> [String] {
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    let named = release.map { ["\(folder)System.map-\($0)", "/usr/lib/debug/boot/vmlinux-\($0)"] } ?? []
    return named + ["\(folder)System.map", path, "\(folder)vmlinux"]
  }

  private init(path: String, symbols: [Symbol]) {
    self.path = path
    self.symbols = symbols.sorted { $0.address < $1.address }
    divideError =
      Self.divideErrorHandlers.lazy.compactMap { name in
        symbols.first { $0.name == name }?.address
      }.first
  }

  /// The function that `address` is in, and how far: `schedule+0x30`.
  ///
  /// - Parameter divideErrorHandler: where the guest's interrupt descriptor table leads for a divide error.
  public func function(at address: UInt64, divideErrorHandler: UInt64?) -> String? {
    var moved: UInt64 = 0
    if let divideError, let divideErrorHandler { moved = divideErrorHandler &- divideError }
    let place = address &- moved
    var (low, high) = (0, symbols.count)
    while low < high {
      let middle = (low + high) / 2
      if symbols[middle].address <= place { low = middle + 1 } else { high = middle }
    }
    guard low > 0, place - symbols[low - 1].address < Self.reach else { return nil }
    return "\(symbols[low - 1].name)+\(hex(place - symbols[low - 1].address))"
  }

  private static func symbols(in bytes: Span<UInt8>) -> [Symbol] {
    bytes.count > 4 && number(bytes, at: 0, 4) == 0x464C_457F ? symbols(ofELF: bytes) : symbols(ofMap: bytes)
  }

  /// Lines of an address, a letter and a name, as nm(1) writes them. A kernel image is not made of such lines, and its first
  /// one ends the search.
  private static func symbols(ofMap bytes: Span<UInt8>) -> [Symbol] {
    var symbols: [Symbol] = []
    var start = 0
    while start < bytes.count {
      var end = start
      while end < bytes.count, end - start < 512, bytes[end] != UInt8(ascii: "\n") { end += 1 }
      let line = text(bytes, start..<end).split(separator: " ")
      guard line.count >= 3, line[1].count == 1, let address = UInt64(line[0], radix: 16) else {
        return symbols
      }
      // Code, and weak symbols.
      if "tTwW".contains(line[1]) { symbols.append(Symbol(address: address, name: String(line[2]))) }
      start = end + 1
    }
    return symbols
  }

  private static func symbols(ofELF bytes: Span<UInt8>) -> [Symbol] {
    guard bytes[4] == 2, let table = number(bytes, at: ELF.sectionTable, 8),
      let stride = number(bytes, at: ELF.sectionByteCount, 2),
      let count = number(bytes, at: ELF.sectionCount, 2)
    else { return [] }
    let byteCount = bytes.count
    func section(_ index: Int) -> Int? {
      guard index < count, table < byteCount else { return nil }
      return Int(table) + index * Int(stride)
    }
    for index in 0..<Int(count) {
      guard let header = section(index), number(bytes, at: header + 4, 4) == ELF.symbolTableType,
        let offset = number(bytes, at: header + 24, 8), let size = number(bytes, at: header + 32, 8),
        let link = number(bytes, at: header + 40, 4), let names = section(Int(link)),
        let namesOffset = number(bytes, at: names + 24, 8), offset < bytes.count, size < bytes.count,
        namesOffset < bytes.count
      else { continue }
      return symbols(
        ofELF: bytes, at: Int(offset), count: Int(size) / ELF.symbolByteCount, names: Int(namesOffset))
    }
    return []
  }

  private static func symbols(ofELF bytes: Span<UInt8>, at table: Int, count: Int, names: Int) -> [Symbol] {
    var symbols: [Symbol] = []
    for index in 0..<count {
      let entry = table + index * ELF.symbolByteCount
      guard let name = number(bytes, at: entry, 4), let kind = number(bytes, at: entry + 4, 1),
        let section = number(bytes, at: entry + 6, 2), let address = number(bytes, at: entry + 8, 8)
      else { return symbols }
      // An undefined symbol has no section.
      guard ELF.codeTypes.contains(kind & 15), section != 0, name > 0 else { continue }
      let start = names + Int(name)
      var end = start
      while end < bytes.count, end - start < 512, bytes[end] != 0 { end += 1 }
      guard end > start else { continue }
      symbols.append(Symbol(address: address, name: text(bytes, start..<end)))
    }
    return symbols
  }

  /// A little-endian number; nil outside of the file.
  private static func number(_ bytes: Span<UInt8>, at offset: Int, _ byteCount: Int) -> UInt64? {
    guard offset >= 0, offset <= bytes.count - byteCount else { return nil }
    return (0..<byteCount).reversed().reduce(0) { $0 << 8 | UInt64(bytes[offset + $1]) }
  }

  private static func text(_ bytes: Span<UInt8>, _ range: Range<Int>) -> String {
    String(decoding: range.map { bytes[$0] }, as: UTF8.self)
  }
}
