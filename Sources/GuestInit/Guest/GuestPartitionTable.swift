/// The partition table of a disk: a GPT (UEFI 2.10 §5.3), or the MBR's.
// SAFETY: the buffer is the arena's, which takes nothing back, and every read into it is of at most its size.
@safe
struct GuestPartitionTable {
  private enum Header {
    static let signature: Text = "EFI PART"
    static let byteCount = 92
    static let firstEntry = 72
    static let entryCount = 80
    static let entryByteCount = 84
  }

  private enum Entry {
    static let byteCount = 128
    static let identifier = 16
    static let name = 56
    static let nameUnitCount = 36
  }

  private enum MBR {
    static let signature: UInt64 = 440
    static let mark: UInt64 = 510
  }

  /// More partitions than Linux has names for.
  private static let entryLimit: UInt64 = 256
  /// A text of a GUID has its first three fields with the most significant byte first.
  private static var textOrder: InlineArray<16, Int> {
    [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15]
  }

  private let buffer: UnsafeMutablePointer<UInt8>

  init(_ arena: inout InitArena) throws(Errno) { unsafe buffer = try arena.take(Entry.byteCount) }

  /// The number of the partition whose identifier, or whose name, is `value`; nil where the disk has none.
  func number(on disk: UInt64, ofIdentifier value: Text) -> UInt64? {
    search(disk) { hasIdentifier(value) } ?? numberInMBR(disk, value)
  }

  /// The number of the partition that is named `value`; an MBR names none.
  func number(on disk: UInt64, ofName value: Text) -> UInt64? { search(disk) { hasName(value) } }

  /// A disk that cannot be read, such as a drive without a medium, has no partitions.
  private func read(_ disk: UInt64, _ byteCount: Int, at offset: UInt64) -> Bool {
    (unsafe try? Kernel.read(disk, into: buffer, byteCount: byteCount, at: offset)) == byteCount
  }

  private func word(_ offset: Int, _ byteCount: Int) -> UInt64 {
    var value: UInt64 = 0
    for index in stride(from: byteCount - 1, through: 0, by: -1) {
      value = value << 8 | UInt64(unsafe buffer[offset + index])
    }
    return value
  }

  /// Goes through the entries that are in use, each of which is in the buffer when `matches` is asked.
  private func search(_ disk: UInt64, _ matches: () -> Bool) -> UInt64? {
    // The header is in the second block, of whichever size blocks have.
    for blockByteCount in stride(from: 512 as UInt64, through: 4096, by: 4096 - 512) {
      guard read(disk, Header.byteCount, at: blockByteCount),
        unsafe Text(start: buffer, count: Header.signature.count) == Header.signature
      else { continue }
      let first = word(Header.firstEntry, 8)
      let count = min(word(Header.entryCount, 4), Self.entryLimit)
      let size = word(Header.entryByteCount, 4)
      guard first < 1 << 40, size >= UInt64(Entry.byteCount) else { return nil }
      for index in 0..<count {
        guard read(disk, Entry.byteCount, at: first * blockByteCount + index * size) else { return nil }
        if word(0, 8) | word(8, 8) != 0, matches() { return index + 1 }
      }
      return nil
    }
    return nil
  }

  private func hasIdentifier(_ value: Text) -> Bool {
    var digitCount = 0
    for index in 0..<value.count where value[index] != UInt8(ascii: "-") {
      guard digitCount < 32, let digit = value.hexadecimalDigit(index) else { return false }
      let byte = unsafe buffer[Entry.identifier + Self.textOrder[digitCount / 2]]
      guard digit == (digitCount.isMultiple(of: 2) ? byte >> 4 : byte & 15) else { return false }
      digitCount += 1
    }
    return digitCount == 32
  }

  /// As the kernel compares: by the low byte of each of UTF-16's units.
  private func hasName(_ value: Text) -> Bool {
    guard !value.isEmpty, value.count <= Entry.nameUnitCount else { return false }
    for index in 0..<Entry.nameUnitCount where unsafe buffer[Entry.name + index * 2] != value[index] {
      return false
    }
    return true
  }

  /// `SSSSSSSS-PP`: the disk's signature and the partition's number, both hexadecimal.
  private func numberInMBR(_ disk: UInt64, _ value: Text) -> UInt64? {
    guard value.count == 11, value[8] == UInt8(ascii: "-"), read(disk, 2, at: MBR.mark), word(0, 2) == 0xAA55,
      read(disk, 4, at: MBR.signature)
    else { return nil }
    var (signature, number): (UInt64, UInt64) = (0, 0)
    for index in 0..<value.count where index != 8 {
      guard let digit = value.hexadecimalDigit(index) else { return nil }
      if index < 8 {
        signature = signature << 4 | UInt64(digit)
      } else {
        number = number << 4 | UInt64(digit)
      }
    }
    return signature == word(0, 4) && number > 0 ? number : nil
  }
}
