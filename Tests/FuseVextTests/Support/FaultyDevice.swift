import FuseVext
import Synchronization
import SystemPackage

/// A device that fails on demand, for the library's own tests.
final class FaultyDevice: BlockDevice {
  private let device: FileDevice
  /// Which operations end with `EIO`.
  let failsReads = Atomic<Bool>(false)
  let failsWrites = Atomic<Bool>(false)
  let refusesDiscards = Atomic<Bool>(false)
  let flushCount = Atomic<Int>(0)

  init(_ device: FileDevice) { self.device = device }

  var byteCount: UInt64 { device.byteCount }
  var logicalBlockByteCount: Int { device.logicalBlockByteCount }
  var isReadOnly: Bool { device.isReadOnly }
  var queueLimit: Int { device.queueLimit }
  var name: String { device.name }

  func makeQueue() throws(Errno) -> any BlockQueue { Queue(self, try device.makeQueue()) }

  func allocateBuffer(byteCount: Int) throws(Errno) -> BlockBuffer {
    try device.allocateBuffer(byteCount: byteCount)
  }

  private final class Queue: BlockQueue {
    private let device: FaultyDevice
    private let queue: any BlockQueue

    init(_ device: FaultyDevice, _ queue: any BlockQueue) {
      self.device = device
      self.queue = queue
    }

    func perform(_ request: BlockRequest) throws(Errno) {
      let fails =
        request.operation == .read
        ? device.failsReads.load(ordering: .relaxed) : device.failsWrites.load(ordering: .relaxed)
      if fails { throw .ioError }
      if request.operation == .discard, device.refusesDiscards.load(ordering: .relaxed) {
        throw .notSupported
      }
      if request.operation == .flush { device.flushCount.wrappingAdd(1, ordering: .relaxed) }
      try queue.perform(request)
    }

    func perform(_ requests: [BlockRequest]) throws(Errno) {
      for request in requests { try perform(request) }
    }
  }
}
