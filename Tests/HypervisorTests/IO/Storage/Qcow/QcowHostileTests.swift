import HostSystem
import SystemPackage
import Testing

@testable import Hypervisor

/// Images that contradict their format.
@Suite(.enabled("needs qemu-img and qemu-io") { QemuTools.isInstalled })
struct QcowHostileTests {
  private static func image(_ options: String, byteCount: String = "1M") throws -> (
    TemporaryFolder, HostBuffer
  ) {
    let folder = try TemporaryFolder()
    try QemuTools.image("create", "-q", "-f", "qcow2", "-o", options, folder.file("image"), byteCount)
    try QemuTools.io(
      folder.file("image"), format: "qcow2", ["write -P 0x11 0 20k", "write -c -P 0x33 64k 64k"])
    return (folder, try folder.contents("image"))
  }

  /// One for the changes of single numbers.
  private static let plain = Result { try QcowHostileTests.image("cluster_size=4k").1 }

  private static func open(_ file: QcowMemoryFile, isWritable: Bool = true) throws -> QcowImage {
    try QcowImage(file, header: try QcowHeader(file), backing: .none, isWritable: isWritable)
  }

  /// A change of an image's bytes: where, and the big-endian number with its width in bytes.
  struct Change: Sendable {
    let offset: Int
    let width: Int
    let value: UInt64
    let message: String

    func apply(to image: HostBuffer) {
      for index in 0..<width {
        image.store(UInt8(truncatingIfNeeded: value >> UInt64(8 * (width - 1 - index))), at: offset + index)
      }
    }
  }

  @Test(arguments: [
    Change(offset: 4, width: 4, value: 4, message: "qcow version 4 is not supported"),
    Change(offset: 8, width: 8, value: 1 << 40, message: ""),
    Change(offset: 20, width: 4, value: 8, message: "damaged: clusters of 2^8 bytes"),
    Change(offset: 20, width: 4, value: 0xFFFF_FFFF, message: "damaged: clusters of 2^4294967295 bytes"),
    Change(offset: 24, width: 8, value: 0, message: "damaged: its disk has no valid size"),
    Change(offset: 24, width: 8, value: .max, message: "damaged: its disk has no valid size"),
    Change(offset: 24, width: 8, value: 1 << 61, message: "damaged: its level 1 table is too small"),
    Change(offset: 32, width: 4, value: 1, message: "encryption (AES) is not supported"),
    Change(offset: 32, width: 4, value: 2, message: "encryption (LUKS) is not supported"),
    Change(offset: 36, width: 4, value: 0xFFFF_FFFF, message: "damaged: its level 1 table is too large"),
    Change(offset: 36, width: 4, value: 4 << 20, message: "damaged: its level 1 table lies outside the file"),
    Change(offset: 40, width: 8, value: 1 << 62, message: "damaged: its level 1 table lies outside the file"),
    Change(offset: 40, width: 8, value: 12, message: "damaged: its level 1 table is not aligned"),
    Change(
      offset: 48, width: 8, value: 1 << 63, message: "damaged: its refcount table lies outside the file"),
    Change(
      offset: 56, width: 4, value: 0xFFFF_FFFF, message: "damaged: a refcount table of 4294967295 clusters"),
    Change(offset: 60, width: 4, value: 0xFFFF_FFFF, message: "damaged: 4294967295 snapshots"),
    Change(offset: 60, width: 4, value: 9, message: "damaged: its snapshot table lies outside the file"),
    Change(offset: 72, width: 8, value: 1 << 2, message: "an external data file is not supported"),
    Change(offset: 72, width: 8, value: 1 << 4, message: "extended_l2 (subclusters) is not supported"),
    Change(offset: 72, width: 8, value: 1 << 40, message: "incompatible feature 40 is not supported"),
    Change(offset: 72, width: 8, value: 2, message: ""),
    Change(offset: 96, width: 4, value: 7, message: "damaged: refcounts of 2^7 bits"),
    Change(offset: 100, width: 4, value: 0xFFFF_FFF8, message: "damaged: a header of 4294967288 bytes"),
    // Tables in the header, or in each other.
    Change(offset: 40, width: 8, value: 4096, message: "damaged: its refcount table lies in another table"),
  ])
  func `an image that cannot be right is refused with the reason, and stays as it is`(change: Change) throws {
    let plain = try Self.plain.get()
    let image = HostBuffer(plain.bytes(plain.all))
    change.apply(to: image)
    // What some changes do not touch is refused for writing.
    if change.offset == 8 { Change(offset: 16, width: 4, value: 10, message: "").apply(to: image) }
    let file = QcowMemoryFile(image)
    let error = #expect(throws: QcowError.self) { try Self.open(file) }
    if !change.message.isEmpty { #expect(error?.description == change.message) }
    #expect(file.writeCount == 0)
  }

  @Test func `a table that the level 1 table places outside the file or twice is refused`() throws {
    for entry in [1 << 40, 0x8000_0000_0000_1000, 3 << 12 | 1, 1 << 56 | 1 << 12] as [UInt64] {
      let plain = try Self.plain.get()
      let image = HostBuffer(plain.bytes(plain.all))
      let l1: UInt64 = image.load(at: 40)
      image.store(entry, at: Int(l1))
      let file = QcowMemoryFile(image)
      #expect(throws: QcowError.self) { try Self.open(file) }
      #expect(file.writeCount == 0)
    }
  }

  @Test func `data in a table ends in EIO, and the image is marked as corrupt`() throws {
    let (folder, image) = try Self.image("cluster_size=4k")
    let l1: UInt64 = image.load(at: 40)
    let l2 = Int(image.load(UInt64.self, at: Int(l1)) & QcowMapping.offsetMask)
    // The first cluster of the disk is the level 2 table itself.
    image.store(UInt64(l2) | QcowMapping.ownedFlag, at: l2)
    let file = QcowMemoryFile(image)
    let open = try Self.open(file)
    let buffer = HostBuffer(byteCount: 4096)
    #expect(throws: QcowError.damaged("a cluster of data is a table too")) {
      try open.write(buffer, buffer.all, at: 0)
    }
    // Nothing is written any more, not even elsewhere.
    #expect(throws: QcowError.self) { try open.write(buffer, buffer.all, at: 512 << 10) }
    #expect(throws: QcowError.self) { try open.flush() }
    #expect(file.writeCount == 1)
    try open.read(buffer, buffer.all, at: 8192)
    #expect(buffer.load(UInt8.self, at: 0) == 0x11)
    try folder.write("left", file.afterKill)
    #expect(throws: QcowError.self) { try folder.open("left", isWritable: true) }
    #expect(try folder.open("left").byteCount == 1 << 20)
  }

  @Test func `a table that counts as free is not given away`() throws {
    let (_, image) = try Self.image("cluster_size=4k")
    let refcountTable: UInt64 = image.load(at: 48)
    let block = Int(image.load(UInt64.self, at: Int(refcountTable)))
    // Every refcount is 0.
    image.zero(block..<block + 4096)
    let file = QcowMemoryFile(image)
    let open = try Self.open(file)
    let buffer = HostBuffer(byteCount: 4096)
    #expect(throws: QcowError.damaged("a table has a refcount of 0")) {
      try open.write(buffer, buffer.all, at: 512 << 10)
    }
  }

  @Test func `a compressed cluster that is damaged ends in EIO`() throws {
    let (_, image) = try Self.image("cluster_size=4k")
    let l1: UInt64 = image.load(at: 40)
    let l2 = Int(image.load(UInt64.self, at: Int(l1)) & QcowMapping.offsetMask)
    let entry: UInt64 = image.load(at: l2 + 16 * 8)
    guard
      case .compressed(let offset, let count) = try QcowMapping(entry, try QcowHeader(QcowMemoryFile(image)))
    else {
      Issue.record("no compressed cluster")
      return
    }
    image.fill(Int(offset)..<Int(offset) + min(count, 16), with: 0xFF)
    let open = try Self.open(QcowMemoryFile(image), isWritable: false)
    let buffer = HostBuffer(byteCount: 4096)
    #expect(throws: QcowError.unreadable("a compressed cluster cannot be decompressed")) {
      try open.read(buffer, buffer.all, at: 64 << 10)
    }
    try open.read(buffer, buffer.all, at: 0)
  }

  @Test func `a repair that needs a refcount beyond its width is refused, and the image stays as it is`()
    throws
  {
    let (_, image) = try Self.image("cluster_size=4k,refcount_bits=1")
    image.store(1 as UInt8, at: 79)
    let l1: UInt64 = image.load(at: 40)
    let l2 = Int(image.load(UInt64.self, at: Int(l1)) & QcowMapping.offsetMask)
    // Two clusters of the disk at one place.
    image.store(image.load(UInt64.self, at: l2), at: l2 + 8)
    let file = QcowMemoryFile(image)
    #expect(throws: QcowError.damaged("a refcount does not fit its width")) { try Self.open(file) }
    #expect(file.writeCount == 0)
  }

  /// Also what refcounts that are too high, entries with reserved bits, and offsets of any kind lead to.
  @Test(arguments: [
    "cluster_size=512", "cluster_size=4k,refcount_bits=1", "cluster_size=64k,lazy_refcounts=on",
  ])
  func `whatever the bytes of an image are, requests end`(options: String) throws {
    let (_, image) = try Self.image(options)
    var random = SplitMix64(seed: 17)
    func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }
    let interesting: [UInt64] = [0, 1, .max, 1 << 63, 1 << 62, 1 << 55, 0x1000, 0x10000]
    for _ in 0..<20 {
      let copy = HostBuffer(image.bytes(image.all))
      for _ in 0...below(3) {
        // The header half of the time, tables otherwise.
        let place = below(2) == 0 ? below(112) : below(copy.byteCount / 8) * 8
        if below(2) == 0 {
          copy.store(UInt8(truncatingIfNeeded: random.next()), at: place)
        } else if place + 8 <= copy.byteCount {
          copy.store(interesting[below(interesting.count)], at: place)
        }
      }
      if below(4) == 0 { copy.store(copy.load(UInt8.self, at: 79) | 1, at: 79) }
      let file = QcowMemoryFile(copy)
      do {
        let open = try Self.open(file)
        let buffer = HostBuffer(byteCount: 8192)
        let limit = Int(min(open.byteCount, 1 << 20) / 512)
        for _ in 0..<12 {
          let offset = UInt64(below(limit)) * 512
          // Any request may fail.
          switch below(4) {
          case 0: try? open.write(buffer, 0..<512, at: offset)
          case 1: try? open.read(buffer, buffer.all, at: offset)
          case 2: try? open.zero(at: offset, byteCount: 512)
          default: try? open.flush()
          }
        }
        try? open.close()
      } catch is QcowError {
        continue
      }
    }
  }
}
