/// The header of one entry of a tar archive, in the format ustar of POSIX.1.
struct TarHeader: Equatable, Sendable {
  /// The size of headers, and the unit of content.
  static let blockByteCount = 512

  /// The path of the entry.
  let name: String
  /// The size of its content.
  let byteCount: UInt64
  let kind: Kind

  /// What an entry is. Links, devices and extensions of the format are refused.
  enum Kind: Equatable, Sendable {
    case file
    case folder
  }

  /// Why a header is refused.
  struct Refusal: Error, Equatable {
    let reason: String
  }

  /// Reads the header in `block`; nil for the zeros that end an archive.
  ///
  /// - Throws: ``Refusal`` for anything except a file or a folder with a plain relative path.
  init?(_ block: [UInt8]) throws(Refusal) {
    guard block.count == Self.blockByteCount else { throw Refusal(reason: "the archive is cut off") }
    if block.allSatisfy({ $0 == 0 }) { return nil }
    guard Self.number(block[148..<156]) == Self.checksum(block) else {
      throw Refusal(reason: "a header has a wrong checksum: this is not a tar archive, or it is damaged")
    }
    guard Array(block[257..<265]) == Array("ustar\u{0}00".utf8) else {
      throw Refusal(reason: "a header is not of the format ustar")
    }
    let prefix = Self.text(block[345..<500])
    let name = (prefix.isEmpty ? "" : prefix + "/") + Self.text(block[0..<100])
    guard let size = Self.number(block[124..<136]) else {
      throw Refusal(reason: "the size of \(name.debugDescription) is not an octal number")
    }
    switch block[156] {
    case UInt8(ascii: "0"): kind = .file
    case UInt8(ascii: "5") where size == 0: kind = .folder
    default:
      throw Refusal(reason: "\(name.debugDescription) is neither a file nor a folder")
    }
    let path = kind == .folder && name.hasSuffix("/") ? String(name.dropLast()) : name
    guard Self.isPlain(path) else {
      throw Refusal(reason: "the path \(name.debugDescription) is not plain and relative")
    }
    self.name = path
    byteCount = size
  }

  /// Whether `path` stays below its folder: words of letters, digits and a few signs, none of which is `.` or `..`.
  static func isPlain(_ path: String) -> Bool {
    let words = path.split(separator: "/", omittingEmptySubsequences: false)
    return words.allSatisfy { word in
      !word.isEmpty && word != "." && word != ".." && !word.hasPrefix("-")
        && word.utf8.allSatisfy { byte in
          (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
            || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "._-+=,@".utf8.contains(byte)
        }
    }
  }

  /// The octal number in a field; nil for any other text.
  private static func number(_ field: ArraySlice<UInt8>) -> UInt64? {
    let digits = field.drop { $0 == UInt8(ascii: " ") }.prefix { $0 != 0 && $0 != UInt8(ascii: " ") }
    guard !digits.isEmpty, digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "7")).contains($0) }) else {
      return nil
    }
    // Eleven digits at most: 33 bits.
    return digits.reduce(0) { $0 << 3 | UInt64($1 & 7) }
  }

  private static func text(_ field: ArraySlice<UInt8>) -> String {
    String(decoding: field.prefix { $0 != 0 }, as: UTF8.self)
  }

  /// The sum of all bytes, those of the checksum itself taken as spaces.
  private static func checksum(_ block: [UInt8]) -> UInt64 {
    block.enumerated().reduce(0) { sum, byte in
      sum + UInt64((148..<156).contains(byte.offset) ? UInt8(ascii: " ") : byte.element)
    }
  }
}
