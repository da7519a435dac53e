import Glibc
import Synchronization
import SystemPackage

@testable import FuseVext

/// A device in memory, which can stop to take writes.
final class MemoryDevice: BlockDevice {
  private let memory: BlockBuffer
  /// How many writes are still done; the others fail.
  let writeLimit = Atomic<Int>(.max)
  /// How many writes were done.
  let writeCount = Atomic<Int>(0)

  let byteCount: UInt64
  let logicalBlockByteCount = 512
  let isReadOnly: Bool
  let queueLimit = 16
  let name = "memory"

  init(_ bytes: [UInt8], isReadOnly: Bool = false) throws {
    memory = try BlockBuffer(byteCount: bytes.count)
    byteCount = UInt64(bytes.count)
    self.isReadOnly = isReadOnly
    memory.slice(0, bytes.count).copy(from: bytes)
  }

  var bytes: [UInt8] { memory.slice(0, memory.byteCount).bytes }

  func makeQueue() throws(Errno) -> any BlockQueue { Queue(self) }

  func allocateBuffer(byteCount: Int) throws(Errno) -> BlockBuffer { try BlockBuffer(byteCount: byteCount) }

  private final class Queue: BlockQueue {
    private let device: MemoryDevice

    init(_ device: MemoryDevice) { self.device = device }

    func perform(_ request: BlockRequest) throws(Errno) {
      guard request.operation == .read || request.operation == .write else { return }
      guard let other = request.memory, request.byteOffset <= device.byteCount,
        UInt64(request.byteCount) <= device.byteCount - request.byteOffset
      else { throw .ioError }
      let own = device.memory.slice(Int(request.byteOffset), request.byteCount)
      if request.operation == .read { return other.copy(from: own) }
      let done = device.writeCount.load(ordering: .relaxed)
      guard done < device.writeLimit.load(ordering: .relaxed) else { throw .ioError }
      device.writeCount.store(done + 1, ordering: .relaxed)
      own.copy(from: other)
    }

    func perform(_ requests: [BlockRequest]) throws(Errno) {
      for request in requests { try perform(request) }
    }
  }
}
