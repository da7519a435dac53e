import HostSystem
import SystemPackage

@testable import Hypervisor

/// A disk in memory on which the same random operations are carried out as on an image.
///
/// Each sector starts with the number of the operation that wrote it, and is zero or filled with a byte of that number.
final class QcowModel {
  static let sectorByteCount = 512

  let contents: HostBuffer
  private(set) var random: SplitMix64
  private var number: UInt64
  /// The largest number of bytes of one operation.
  private let lengthLimit: Int
  /// What each sector may hold after a crash: what was flushed, and all that was written since.
  private var candidates: [Set<UInt64>]

  init(_ contents: HostBuffer, seed: UInt64, lengthLimit: Int) {
    self.contents = contents
    self.lengthLimit = lengthLimit
    random = SplitMix64(seed: seed)
    number = seed << 20
    candidates = []
    candidates = (0..<contents.byteCount / Self.sectorByteCount).map { [stamp($0)] }
  }

  private func stamp(_ sector: Int) -> UInt64 { contents.load(at: sector * Self.sectorByteCount) }

  private func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }

  /// A range of whole sectors.
  private func range() -> Range<Int> {
    let count = contents.byteCount / Self.sectorByteCount
    let length = 1 + below(min(count, lengthLimit / Self.sectorByteCount))
    let start = below(count - length + 1)
    return start..<start + length
  }

  private func bytes(_ sectors: Range<Int>) -> Range<Int> {
    sectors.lowerBound * Self.sectorByteCount..<sectors.upperBound * Self.sectorByteCount
  }

  /// Carries out one operation on the model and on `image`.
  func step(_ image: QcowImage) throws {
    switch below(12) {
    case 0..<6: try write(image, range())
    case 6..<8: try zero(image, range())
    case 8: try flush(image)
    default: try compare(image, range())
    }
  }

  func write(_ image: QcowImage, _ sectors: Range<Int>) throws {
    number += 1
    let range = bytes(sectors)
    contents.fill(range, with: UInt8(truncatingIfNeeded: number) | 1)
    for sector in sectors {
      contents.store(number, at: sector * Self.sectorByteCount)
      candidates[sector].insert(number)
    }
    try image.write(contents, range, at: UInt64(range.lowerBound))
  }

  func zero(_ image: QcowImage, _ sectors: Range<Int>) throws {
    let range = bytes(sectors)
    contents.zero(range)
    for sector in sectors { candidates[sector].insert(0) }
    try image.zero(at: UInt64(range.lowerBound), byteCount: UInt64(range.count))
  }

  func flush(_ image: QcowImage) throws {
    try image.flush()
    for sector in candidates.indices { candidates[sector] = [stamp(sector)] }
  }

  private func compare(_ image: QcowImage, _ sectors: Range<Int>) throws {
    let range = bytes(sectors)
    let buffer = HostBuffer(byteCount: range.count)
    try image.read(buffer, buffer.all, at: UInt64(range.lowerBound))
    let expected = HostBuffer(byteCount: range.count)
    expected.copy(contents, range, to: 0)
    guard buffer.hasSameBytes(as: expected) else {
      throw QemuTools.Failure(description: "sectors \(sectors) differ from the model")
    }
  }

  /// The first sector that holds neither what was flushed nor anything written since.
  func firstLostSector(in found: HostBuffer) -> Int? {
    candidates.indices.first { sector in
      let stamp: UInt64 = found.load(at: sector * Self.sectorByteCount)
      guard candidates[sector].contains(stamp) else { return true }
      let last: UInt8 = found.load(at: sector * Self.sectorByteCount + 511)
      return stamp >> 20 != 0 && last != UInt8(truncatingIfNeeded: stamp) | 1
    }
  }
}
