import Foundation
import Glibc
import HostSystem
import Hypervisor

/// Images of the qcow family whose header and tables are nearly right, opened as a disk that takes requests.
///
/// An image that is refused stays as it is, and each request ends.
final class QcowTarget: FuzzTarget {
  private static let bufferByteCount = 16 << 10
  private static let diskByteCount: UInt64 = 1 << 20
  private static let timeoutNanoseconds: UInt64 = 20_000_000_000

  private let path: String

  init(directory: ScratchDirectory) { path = directory.file("image") }

  func run(_ input: inout FuzzInput) throws {
    let image = Data(input.happens(oneIn: 4) ? Self.version1(&input) : Self.version2(&input))
    try image.write(to: URL(fileURLWithPath: path))
    // An image that was opened may be repaired, and is marked as used.
    let formats = DiskFormats.qcow(QcowOptions(snapshot: input.happens(oneIn: 16) ? "a" : nil))
    let disk: DiskImage
    do throws(DiskError) {
      disk = try DiskImage(
        path: path, readOnly: input.happens(oneIn: 8), direct: false, formats: formats)
    } catch {
      let left = try Data(contentsOf: URL(fileURLWithPath: path))
      // A repair that fails half-way has changed refcounts only.
      let wasDirty = image.count > 79 && image[79] & 1 != 0
      try FuzzFailure.check(left == image || wasDirty, "a refused image was changed: \(error)")
      return
    }
    var engine = try BlockEngine(kind: .sync, capacity: 4)
    try Self.request(on: disk, &engine, &input)
  }

  /// Carries out requests one after the other.
  private static func request(on disk: DiskImage, _ engine: inout BlockEngine, _ input: inout FuzzInput)
    throws
  {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: bufferByteCount, alignment: 4096)
    defer { unsafe memory.deallocate() }
    unsafe memory.initializeMemory(as: UInt8.self, repeating: 0xA5, count: bufferByteCount)
    let operations: [Hypervisor.BlockOperation] = [
      .read, .write, .durableWrite, .flush, .discard, .writeZeroes,
    ]
    for _ in 0..<16 where !input.isExhausted {
      let operation = input.pick(operations)
      let limit = min(disk.handle.byteCount / 512, diskByteCount / 512)
      let first = UInt64(input.below(Int(limit)))
      let count = 1 + UInt64(input.below(min(Int(limit - first), bufferByteCount / 512)))
      var vector = unsafe iovec(iov_base: memory, iov_len: Int(count * 512))
      // The vector and the memory outlive the request, because each is waited for.
      try unsafe withUnsafeMutablePointer(to: &vector) { vector in
        let start = unsafe engine.start(
          operation, on: disk.handle, vectors: IOVectors(vector, count: 1), offset: first * 512,
          byteCount: count * 512,
          token: 1)
        // A file whose mark was changed is a raw disk, which this engine serves at once.
        guard case .pending = start else { return }
        let end = HostClock.monotonicNanoseconds() + timeoutNanoseconds
        while engine.reap() == nil {
          try FuzzFailure.check(HostClock.monotonicNanoseconds() < end, "a request did not end")
        }
      }
    }
  }

  // MARK: Images

  /// A number in big-endian order.
  private static func put(_ value: UInt64, _ width: Int, at offset: Int, in bytes: inout [UInt8]) {
    for index in 0..<width where offset + index < bytes.count {
      bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * (width - 1 - index)))
    }
  }

  /// A header, a refcount table, a refcount block, a level 1 table, a level 2 table and data, a cluster each.
  private static func version2(_ input: inout FuzzInput) -> [UInt8] {
    let bits = input.pick([9, 12, 16])
    let size = 1 << bits
    var bytes = [UInt8](repeating: 0, count: size * (9 + input.below(4)))
    let version = input.pick([2, 3, 3] as [UInt64])
    let covered = UInt64(size) * UInt64(size / 8)
    let fields: [(offset: Int, width: Int, value: UInt64)] = [
      (0, 4, 0x5146_49FB), (4, 4, version), (20, 4, UInt64(bits)), (24, 8, min(diskByteCount, covered * 4)),
      (36, 4, 4), (40, 8, UInt64(3 * size)), (48, 8, UInt64(size)), (56, 4, 1),
      (60, 4, input.happens(oneIn: 8) ? 1 : 0), (64, 8, UInt64(8 * size)),
      (72, 8, input.happens(oneIn: 8) ? 1 : 0),
      (88, 8, input.happens(oneIn: 8) ? 1 : 0), (96, 4, UInt64(4)), (100, 4, 104),
    ]
    for field in fields where version == 3 || field.offset < 72 {
      put(input.changed(field.value, oneIn: 60), field.width, at: field.offset, in: &bytes)
    }
    put(input.changed(UInt64(2 * size), oneIn: 40), 8, at: size, in: &bytes)
    for cluster in 0..<9 {
      put(input.changed(UInt64(1), oneIn: 60), 2, at: 2 * size + 2 * cluster, in: &bytes)
    }
    let owned: UInt64 = 1 << 63
    put(input.changed(owned | UInt64(4 * size), oneIn: 30), 8, at: 3 * size, in: &bytes)
    for index in 0..<8 {
      let host = UInt64((5 + index % 4) * size)
      let entry = input.pick([
        0, 1, owned | host, host, 1 << 62 | host | UInt64(input.below(512)), owned | UInt64(size),
      ])
      put(input.changed(entry, oneIn: 20), 8, at: 4 * size + 8 * index, in: &bytes)
    }
    // A snapshot with the same level 1 table.
    put(UInt64(3 * size), 8, at: 8 * size, in: &bytes)
    put(input.changed(4 as UInt64, oneIn: 8), 4, at: 8 * size + 8, in: &bytes)
    put(input.changed(1 as UInt64, oneIn: 8), 2, at: 8 * size + 14, in: &bytes)
    put(UInt64(UInt8(ascii: "a")), 1, at: 8 * size + 40, in: &bytes)
    return bytes
  }

  /// A header and a level 1 table, a level 2 table and data, a cluster each.
  private static func version1(_ input: inout FuzzInput) -> [UInt8] {
    let size = 4096
    var bytes = [UInt8](repeating: 0, count: size * (3 + input.below(3)))
    let fields: [(offset: Int, width: Int, value: UInt64)] = [
      (0, 4, 0x5146_49FB), (4, 4, 1), (24, 8, diskByteCount), (32, 1, 12), (33, 1, 9), (40, 8, 48),
    ]
    for field in fields {
      put(input.changed(field.value, oneIn: 60), field.width, at: field.offset, in: &bytes)
    }
    put(input.changed(UInt64(size), oneIn: 20), 8, at: 48, in: &bytes)
    for index in 0..<8 {
      let host = UInt64(2 * size)
      let entry = input.pick([0, host, 1 << 63 | 1 << 60 | host, UInt64(size)])
      put(input.changed(entry, oneIn: 20), 8, at: size + 8 * index, in: &bytes)
    }
    return bytes
  }
}
