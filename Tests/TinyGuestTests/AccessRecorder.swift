import Hypervisor
import Synchronization

/// A device that notes every access and answers reads with one value.
final class AccessRecorder: BusDevice {
  enum Access: Equatable, Sendable {
    case read(offset: UInt64, byteCount: Int)
    case write(offset: UInt64, byteCount: Int, value: UInt64)
  }

  private let answer: UInt64
  private let log = Mutex<[Access]>([])

  init(answer: UInt64 = 0) { self.answer = answer }

  /// What happened so far.
  var accesses: [Access] { log.withLock { $0 } }

  func read(offset: UInt64, byteCount: Int) -> UInt64 {
    log.withLock { $0.append(.read(offset: offset, byteCount: byteCount)) }
    return answer
  }

  func write(offset: UInt64, byteCount: Int, value: UInt64) {
    log.withLock { $0.append(.write(offset: offset, byteCount: byteCount, value: value)) }
  }
}
