import RealModeBIOS
import VextProtocol

/// Writes the BIOS that real-mode kernels and flat binaries call, with its interrupt vectors and the memory map, into guest memory.
///
/// It serves interrupts 10h (teletype to the first serial port), 12h and 15h (E820h, E801h, 88h: memory), and tells callers of 13h, 16h and 1Ah
/// that there are no disks, keys or PCI functions. It has no clock: no timer interrupts until the guest programs one.
enum RealModeServices {
  /// The segment of the image.
  private static let segment: UInt16 = 0xF000
  private static let vectorCount = 256

  static func write(to memory: GuestMemory, map: E820Map) throws(GuestMemoryError) {
    let image = LittleEndianBytes(RealModeBIOSImage.bytes())
    func offset(_ word: RealModeBIOSImage.Word) -> UInt16 {
      // The package's build made the image, which begins with these words.
      image.load(UInt16.self, at: word.rawValue * 2) ?? 0
    }
    let base = UInt64(segment) << 4
    try memory.write(image.bytes, at: GuestAddress(base + UInt64(RealModeBIOSImage.offset)))
    try memory.write(
      Self.memoryMap(map), at: GuestAddress(base + UInt64(offset(.memoryMap))))
    var handlers = [UInt16](repeating: offset(.ignore), count: vectorCount)
    for (vector, word) in services { handlers[vector] = offset(word) }
    var vectors = LittleEndianBytes()
    for handler in handlers {
      vectors.append(handler)
      vectors.append(segment)
    }
    try memory.write(vectors.bytes, at: GuestAddress(0))
  }

  private static let services: [(vector: Int, word: RealModeBIOSImage.Word)] = [
    (0x10, .video), (0x12, .memorySize), (0x13, .refuse), (0x15, .system), (0x16, .keyboard),
    (0x1A, .refuse),
  ]

  /// The words and entries of ``RealModeBIOSImage/Word/memoryMap``.
  private static func memoryMap(_ map: E820Map) -> [UInt8] {
    let end = map.entries.last { $0.kind == .memory && $0.start < GuestMemory.highStart }
      .map { $0.start + $0.byteCount }
    let kibibytes = ((end ?? BootLayout.highMemory) - BootLayout.highMemory) >> 10
    let below16MiB = min(kibibytes, 15 << 10)
    var bytes = LittleEndianBytes()
    bytes.append(UInt16(map.entries.count))
    bytes.append(UInt16(below16MiB))
    bytes.append(UInt16(clamping: (kibibytes - below16MiB) >> 6))
    bytes.append(UInt16(clamping: kibibytes))
    bytes.append(map.entries.flatMap(\.bytes))
    return bytes.bytes
  }
}
