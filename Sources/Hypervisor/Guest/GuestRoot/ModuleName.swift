/// A kernel module's name, in which `-` and `_` are equivalent.
struct ModuleName {
  private let bytes: [UInt8]

  init(_ name: String) { bytes = name.utf8.map(Self.folded) }

  private static func folded(_ byte: UInt8) -> UInt8 { byte == UInt8(ascii: "-") ? UInt8(ascii: "_") : byte }

  /// Whether `file` is the name of the module's file: with ".ko" and, for a compressed file, another extension.
  func isFile(named file: Span<UInt8>) -> Bool {
    let extensionStart = bytes.count
    guard file.count >= extensionStart + 3, file[extensionStart] == UInt8(ascii: "."),
      file[extensionStart + 1] == UInt8(ascii: "k"), file[extensionStart + 2] == UInt8(ascii: "o")
    else { return false }
    for index in bytes.indices where Self.folded(file[index]) != bytes[index] { return false }
    return true
  }
}
