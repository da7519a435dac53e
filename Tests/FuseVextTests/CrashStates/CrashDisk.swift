@testable import FuseVext
import HostSystem
import SystemPackage

/// What happened to a disk, in order.
enum CrashEvent {
  case write(offset: Int, bytes: [UInt8])
  /// The range reads as zeros if it arrives.
  case discard(offset: Int, byteCount: Int)
  case flush
  /// A thread of the workload begins its operation of this number.
  case begin(lane: Int, operation: Int)
  /// The operation has succeeded: what it promises is acknowledged.
  case end(lane: Int, operation: Int)
}

/// A disk in memory. It records what is written, or which blocks are.
final class CrashDisk: BlockDevice, @unchecked Sendable {
  let memory: CrashMemory
  /// The unit of ``touched``.
  let blockByteCount: Int
  let logicalBlockByteCount = 512
  let isReadOnly = false
  let queueLimit = 64
  let name = "memory"
  private let lock = ThreadLock()
  private var isRecording = false
  private var recorded: [CrashEvent] = []
  private var isTouched: [Bool]
  /// The blocks written since ``forgetTouched()``, each once.
  private(set) var touched: [Int] = []

  init(_ memory: CrashMemory, blockByteCount: Int) {
    self.memory = memory
    self.blockByteCount = blockByteCount
    isTouched = Array(repeating: false, count: (memory.byteCount + blockByteCount - 1) / blockByteCount)
  }

  var byteCount: UInt64 { UInt64(memory.byteCount) }

  func makeQueue() throws(Errno) -> any BlockQueue { Queue(self) }

  func allocateBuffer(byteCount: Int) throws(Errno) -> BlockBuffer { try BlockBuffer(byteCount: byteCount) }

  // MARK: Recording

  func startRecording() {
    lock.exclusively {
      isRecording = true
      recorded = []
    }
  }

  func stopRecording() -> [CrashEvent] {
    lock.exclusively {
      isRecording = false
      defer { recorded = [] }
      return recorded
    }
  }

  func record(_ event: CrashEvent) { lock.exclusively { if isRecording { recorded.append(event) } } }

  // MARK: Writes

  func write(_ bytes: ArraySlice<UInt8>, at offset: Int) {
    memory.write(bytes, at: offset)
    touch(offset, bytes.count)
  }

  func clear(_ offset: Int, _ count: Int) {
    memory.clear(offset, count)
    touch(offset, count)
  }

  private func touch(_ offset: Int, _ count: Int) {
    guard count > 0 else { return }
    for block in offset / blockByteCount...(offset + count - 1) / blockByteCount where !isTouched[block] {
      isTouched[block] = true
      touched.append(block)
    }
  }

  func forgetTouched() {
    for block in touched { isTouched[block] = false }
    touched.removeAll(keepingCapacity: true)
  }

  /// Gives the touched blocks back what `other` has.
  func revert(to other: CrashMemory) {
    for block in touched { copy(block, from: other) }
    forgetTouched()
  }

  /// Copies one block from `other`.
  func copy(_ block: Int, from other: CrashMemory) {
    let offset = block * blockByteCount
    memory.copy(offset, min(blockByteCount, memory.byteCount - offset), from: other)
  }

  fileprivate func perform(_ request: BlockRequest) throws(Errno) {
    guard request.byteOffset <= byteCount, UInt64(request.byteCount) <= byteCount - request.byteOffset else {
      throw .ioError
    }
    let offset = Int(request.byteOffset)
    lock.exclusively {
      switch request.operation {
      case .read:
        // SAFETY: the request keeps its memory, which is as long as it says.
        unsafe request.memory?.unsafeBytes
          .copyMemory(from: UnsafeRawBufferPointer(memory.slice(offset, request.byteCount)))
      case .write:
        guard let source = request.memory else { return }
        unsafe memory.slice(offset, request.byteCount)
          .copyMemory(from: UnsafeRawBufferPointer(source.unsafeBytes))
        touch(offset, request.byteCount)
        if isRecording { recorded.append(.write(offset: offset, bytes: source.bytes)) }
      case .discard:
        clear(offset, request.byteCount)
        if isRecording { recorded.append(.discard(offset: offset, byteCount: request.byteCount)) }
      case .flush:
        if isRecording { recorded.append(.flush) }
      }
    }
  }

  private final class Queue: BlockQueue {
    private let disk: CrashDisk

    init(_ disk: CrashDisk) { self.disk = disk }

    func perform(_ request: BlockRequest) throws(Errno) { try disk.perform(request) }

    func perform(_ requests: [BlockRequest]) throws(Errno) {
      for request in requests { try disk.perform(request) }
    }
  }
}
