import HostSystem
import SystemPackage

@testable import Hypervisor

/// An image in memory that stops after a number of writes, as a process that is killed does. One thread.
final class QcowMemoryFile: QcowFile, @unchecked Sendable {
  private struct Write {
    let offset: Int
    let content: HostBuffer
  }

  /// More than any test adds.
  private static let growth = 2 << 20

  private let content: HostBuffer
  private var end: Int
  /// What is on stable storage, and what was written since, in order.
  private let durable: HostBuffer
  private var durableEnd: Int
  private var pending: [Write] = []
  /// Number of writes until the kill.
  private var writesLeft: Int
  private(set) var writeCount = 0
  private(set) var wasKilled = false

  init(_ image: HostBuffer, killAfter writesLeft: Int = .max) {
    content = HostBuffer(byteCount: image.byteCount + Self.growth)
    durable = HostBuffer(byteCount: image.byteCount + Self.growth)
    content.copy(image, image.all, to: 0)
    durable.copy(image, image.all, to: 0)
    (end, durableEnd) = (image.byteCount, image.byteCount)
    self.writesLeft = writesLeft
  }

  /// The bytes that are there after a kill.
  var afterKill: HostBuffer { HostBuffer(content.bytes(0..<end)) }

  /// The bytes that are there after a loss of power: any of the writes since the last synchronization.
  func afterPowerLoss(_ random: inout SplitMix64) -> HostBuffer {
    var byteCount = durableEnd
    let result = HostBuffer(byteCount: durable.byteCount)
    result.copy(durable, durable.all, to: 0)
    for write in pending where random.next() % 2 == 0 {
      result.copy(write.content, write.content.all, to: write.offset)
      byteCount = max(byteCount, write.offset + write.content.byteCount)
    }
    return HostBuffer(result.bytes(0..<byteCount))
  }

  func byteCount() throws(Errno) -> UInt64 { UInt64(end) }

  func read(_ buffer: HostBuffer, _ range: Range<Int>, at offset: UInt64) throws(Errno) {
    let start = Int(clamping: offset)
    let count = max(0, min(range.count, end - min(start, end)))
    if count > 0 { buffer.copy(content, start..<start + count, to: range.lowerBound) }
    buffer.zero(range.lowerBound + count..<range.upperBound)
  }

  func write(_ buffer: HostBuffer, _ range: Range<Int>, at offset: UInt64) throws(Errno) {
    guard offset < UInt64(content.byteCount - range.count) else { throw .fileTooLarge }
    try take()
    let write = Write(offset: Int(offset), content: HostBuffer(byteCount: range.count))
    write.content.copy(buffer, range, to: 0)
    apply(write)
    end = max(end, write.offset + range.count)
  }

  private func apply(_ write: Write) {
    content.copy(write.content, write.content.all, to: write.offset)
    pending.append(write)
  }

  private func take() throws(Errno) {
    guard writesLeft > 0 else {
      wasKilled = true
      throw .ioError
    }
    writesLeft -= 1
    writeCount += 1
  }

  func synchronize() throws(Errno) {
    try take()
    for write in pending { durable.copy(write.content, write.content.all, to: write.offset) }
    pending = []
    durableEnd = end
  }

  func punchHole(at offset: UInt64, byteCount: UInt64) {
    guard writesLeft > 0, offset < UInt64(end) else { return }
    let count = min(Int(clamping: byteCount), end - Int(offset))
    apply(Write(offset: Int(offset), content: HostBuffer(byteCount: count)))
  }
}
