import Glibc

/// Kernel images made by hand. Everything in them may be overwritten before use.
struct BootImageBytes {
  var bytes: [UInt8]

  mutating func set<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
    for index in 0..<Value.bitWidth / 8 {
      bytes[offset + index] = UInt8(truncatingIfNeeded: value >> Value(index * 8))
    }
  }

  mutating func set(_ text: String, at offset: Int) {
    bytes.replaceSubrange(offset..<offset + text.utf8.count, with: text.utf8)
  }

  /// A bzImage of protocol 2.15: one setup sector, `payload` as the protected-mode code, whose 64-bit entry is 200h
  /// bytes into it. It prefers 16 MiB, needs 1 MiB, and takes 255 bytes of command line.
  static func bzImage(payload: [UInt8] = [UInt8](repeating: 0x90, count: 0x400)) -> BootImageBytes {
    var image = BootImageBytes(bytes: [UInt8](repeating: 0, count: 1024) + payload)
    image.set(1 as UInt8, at: 0x1F1)
    image.set(UInt32(payload.count / 16), at: 0x1F4)
    image.set(0xAA55 as UInt16, at: 0x1FE)
    image.bytes.replaceSubrange(0x200..<0x202, with: [0xEB, 0x6A])
    image.set("HdrS", at: 0x202)
    image.set(0x020F as UInt16, at: 0x206)
    image.set(0x100 as UInt16, at: 0x20E)
    image.set(1 as UInt8, at: 0x211)
    image.set(0x7FFF_FFFF as UInt32, at: 0x22C)
    image.set(0x20_0000 as UInt32, at: 0x230)
    image.set(1 as UInt8, at: 0x234)
    image.set(0b11 as UInt16, at: 0x236)
    image.set(255 as UInt32, at: 0x238)
    image.set(0x100_0000 as UInt64, at: 0x258)
    image.set(0x10_0000 as UInt32, at: 0x260)
    image.set("6.1.0-test (a@b) #1", at: 0x300)
    return image
  }

  /// An ELF executable: one segment of `payload` at 16 MiB, whose entry is its first byte, and, where `pvhEntry` is
  /// given, a note with it behind a note of another name.
  static func elf(payload: [UInt8] = [UInt8](repeating: 0x90, count: 64), pvhEntry: UInt32? = nil)
    -> BootImageBytes
  {
    let notes = 256
    var image = BootImageBytes(bytes: [UInt8](repeating: 0, count: 512) + payload)
    image.bytes.replaceSubrange(0..<8, with: [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1, 0])
    image.set(2 as UInt16, at: 16)
    image.set(62 as UInt16, at: 18)
    image.set(1 as UInt32, at: 20)
    image.set(0x100_0000 as UInt64, at: 24)
    image.set(64 as UInt64, at: 32)
    image.set(64 as UInt16, at: 52)
    image.set(56 as UInt16, at: 54)
    image.set((pvhEntry == nil ? 1 : 2) as UInt16, at: 56)
    image.setProgramHeader(0, type: 1, offset: 512, address: 0x100_0000, byteCount: UInt64(payload.count))
    if let pvhEntry {
      image.setProgramHeader(1, type: 4, offset: UInt64(notes), address: 0, byteCount: 52)
      image.setNote(at: notes, name: "Lin", type: 18, value: [1, 2, 3, 4, 5])
      image.setNote(
        at: notes + 24, name: "Xen", type: 18, value: (0..<4).map { UInt8(pvhEntry >> ($0 * 8) & 0xFF) })
    }
    return image
  }

  /// A 32-bit executable at 1 MiB; the segment of the note is there in any case.
  static func elf32(pvhEntry: UInt32?, payload: [UInt8] = [UInt8](repeating: 0x90, count: 64))
    -> BootImageBytes
  {
    var image = BootImageBytes(bytes: [UInt8](repeating: 0, count: 512) + payload)
    image.bytes.replaceSubrange(0..<8, with: [0x7F, 0x45, 0x4C, 0x46, 1, 1, 1, 0])
    image.set(2 as UInt16, at: 16)
    image.set(3 as UInt16, at: 18)
    image.set(0x10_0000 as UInt32, at: 24)
    image.set(52 as UInt32, at: 28)
    image.set(32 as UInt16, at: 42)
    image.set(2 as UInt16, at: 44)
    for (start, type, offset, address, byteCount) in [
      (52, 1, 512, 0x10_0000, payload.count), (84, 4, 256, 0, 20),
    ] as [(Int, UInt32, UInt32, UInt32, Int)] {
      image.set(type, at: start)
      image.set(offset, at: start + 4)
      image.set(address, at: start + 12)
      image.set(UInt32(byteCount), at: start + 16)
      image.set(UInt32(byteCount), at: start + 20)
      image.set(4 as UInt32, at: start + 28)
    }
    if let pvhEntry {
      image.setNote(
        at: 256, name: "Xen", type: 18, value: (0..<4).map { UInt8(pvhEntry >> ($0 * 8) & 0xFF) })
    }
    return image
  }

  mutating func setProgramHeader(
    _ index: Int, type: UInt32, offset: UInt64, address: UInt64, byteCount: UInt64
  ) {
    let start = 64 + index * 56
    set(type, at: start)
    set(offset, at: start + 8)
    set(address, at: start + 24)
    set(byteCount, at: start + 32)
    set(byteCount, at: start + 40)
  }

  /// A note whose value begins where the name, padded to 4 bytes, ends.
  mutating func setNote(at offset: Int, name: String, type: UInt32, value: [UInt8]) {
    set(UInt32(name.utf8.count + 1), at: offset)
    set(UInt32(value.count), at: offset + 4)
    set(type, at: offset + 8)
    set(name, at: offset + 12)
    let start = offset + 12 + (name.utf8.count + 4) / 4 * 4
    bytes.replaceSubrange(start..<start + value.count, with: value)
  }
}

/// A file of the given bytes, gone when the test is done with it.
final class BootImageFile {
  let path: String

  init(_ bytes: [UInt8]) {
    var template = Array("/tmp/vext-boot-XXXXXX".utf8CString)
    // SAFETY: the template ends in a zero byte, and the array has its count of bytes.
    let descriptor = unsafe mkstemp(&template)
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let count = unsafe write(descriptor, bytes, bytes.count)
    precondition(count == bytes.count, "the temporary file cannot be written")
    close(descriptor)
  }

  deinit { unsafe unlink(path) }
}
