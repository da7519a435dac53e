import HostSystem
import Synchronization
import SystemPackage

/// A source of entropy (virtio 1.2 §5.4): fills the driver's buffers from the host's getrandom(2).
public final class VirtioRandom: VirtioDevice {
  /// Maximum number of bytes for one request; the driver then asks again.
  static let requestLimit = 1 << 16
  /// Maximum number of bytes of a pass, before other devices of the thread have their turn.
  private static let passLimit = 1 << 18
  private static let chainLimitPerPass = 64
  /// Number of bytes that getrandom(2) always delivers completely, even with signals.
  private static let pieceByteCount = 256

  private let memory: GuestMemory
  private let thread: DeviceThread
  private let service = Mutex<VirtqueueService?>(nil)

  /// Makes a source whose queue `thread` serves.
  public init(memory: GuestMemory, thread: DeviceThread) {
    self.memory = memory
    self.thread = thread
  }

  /// 4 (virtio 1.2 §5.4.1).
  public var deviceID: UInt16 { 4 }

  /// A class that PCI does not define.
  public var classCode: UInt32 { 0xFF_00_00 }

  /// The features of every device.
  public var features: VirtioFeatures { [.version1, .indirectDescriptors, .eventIndex] }

  /// One queue of requests.
  public var queueSizes: [UInt16] { [64] }

  /// Empty.
  public var configuration: [UInt8] { [] }

  /// Ignores the write, because there is no configuration.
  public func writeConfiguration(offset: UInt64, byteCount: Int, value: UInt64) {}

  /// Serves the queue.
  public func activate(_ queues: [VirtioQueueBinding], features: VirtioFeatures) {
    guard let binding = queues.first else { return }
    let new = VirtqueueService(binding, memory: memory, thread: thread) { Self.serve($0) }
    service.withLock { $0 = new }
    new.startOrFail()
  }

  /// Stops serving.
  public func deactivate() {
    let old = service.withLock { service in
      defer { service = nil }
      return service
    }
    old?.stop()
  }

  private static func serve(_ queue: ServedVirtqueue) {
    var byteCount = 0
    for _ in 0..<chainLimitPerPass {
      guard byteCount < passLimit else { break }
      guard let chain = queue.next() else { return }
      let wanted = min(chain.writableByteCount, requestLimit)
      var done = 0
      while done < wanted {
        let piece = DescriptorBytes.random(limit: min(pieceByteCount, wanted - done))
        // Fails only on a kernel without the system call; the driver then sees an empty source.
        guard !piece.isEmpty else { break }
        done += chain.write(piece, at: done)
      }
      queue.complete(chain, byteCount: done)
      byteCount += done
    }
    queue.notifyAgain()
  }
}
