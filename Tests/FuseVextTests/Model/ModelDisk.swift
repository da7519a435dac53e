import SystemPackage
import Synchronization

@testable import FuseVext

/// A disk that stops to take writes at some moment, as for a process that is killed.
final class ModelDisk: BlockDevice {
  private let device: FileDevice
  /// The writes that are left; negative for no end.
  private let remainingWrites = Atomic<Int>(-1)
  private let dead = Atomic<Bool>(false)

  init(_ path: String) throws { device = try FileDevice(path: path, readOnly: false, usesPageCache: true) }

  var isDead: Bool { dead.load(ordering: .sequentiallyConsistent) }

  func die(afterWrites count: Int) { remainingWrites.store(count, ordering: .sequentiallyConsistent) }

  var byteCount: UInt64 { device.byteCount }
  var logicalBlockByteCount: Int { device.logicalBlockByteCount }
  var isReadOnly: Bool { false }
  var queueLimit: Int { device.queueLimit }
  var name: String { device.name }

  func makeQueue() throws(Errno) -> any BlockQueue { Queue(self, try device.makeQueue()) }

  func allocateBuffer(byteCount: Int) throws(Errno) -> BlockBuffer {
    try device.allocateBuffer(byteCount: byteCount)
  }

  private func check(_ request: BlockRequest) throws(Errno) {
    guard request.operation != .read else { return }
    if isDead { throw .ioError }
    guard remainingWrites.load(ordering: .sequentiallyConsistent) >= 0 else { return }
    if remainingWrites.subtract(1, ordering: .sequentiallyConsistent).newValue < 0 {
      dead.store(true, ordering: .sequentiallyConsistent)
      throw .ioError
    }
  }

  private final class Queue: BlockQueue {
    private let disk: ModelDisk
    private let queue: any BlockQueue

    init(_ disk: ModelDisk, _ queue: any BlockQueue) {
      self.disk = disk
      self.queue = queue
    }

    func perform(_ request: BlockRequest) throws(Errno) {
      // In memory already: what is killed is the process, not the machine.
      if request.operation == .flush { return try disk.check(request) }
      try disk.check(request)
      try queue.perform(request)
    }

    func perform(_ requests: [BlockRequest]) throws(Errno) {
      for request in requests { try perform(request) }
    }
  }
}
