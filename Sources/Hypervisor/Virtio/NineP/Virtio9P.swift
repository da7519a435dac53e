import Synchronization
public import SystemPackage

/// A virtio 9P transport (virtio device 9): a directory of the host for the guest to mount.
///
/// ```
/// mount -t 9p -o trans=virtio,version=9p2000.L TAG DIRECTORY
/// ```
///
/// One queue, each chain one message and room for its answer. Requests block on the host's files, so that the thread
/// should serve little else.
public final class Virtio9P: VirtioDevice {
  /// VIRTIO_9P_MOUNT_TAG: the configuration has the tag.
  static let mountTagFeature = VirtioFeatures(rawValue: 1 << 0)
  /// The number of descriptors that Linux puts into a chain (VIRTQUEUE_NUM of its transport).
  private static let queueSize: UInt16 = 128
  /// Maximum number of messages in a row before other devices of the thread have their turn.
  private static let messagesPerPass = 64

  /// The length of the tag (16 bits, little-endian) and the tag.
  public let configuration: [UInt8]
  private let server: NinePServer
  private let memory: GuestMemory
  private let thread: DeviceThread
  private let services = Mutex<[VirtqueueService]>([])

  /// A device that serves `share` on `thread`.
  ///
  /// - Throws: ENOMEM.
  public init(share: NinePShare, memory: GuestMemory, thread: DeviceThread) throws(Errno) {
    let tag = Array(share.tag.utf8)
    configuration = [UInt8(truncatingIfNeeded: tag.count), UInt8(truncatingIfNeeded: tag.count >> 8)] + tag
    server = try NinePServer(share: share)
    self.memory = memory
    self.thread = thread
  }

  /// 9: 9P transport (virtio 1.2 §5).
  public var deviceID: UInt16 { 9 }

  /// A device of no class that PCI names.
  public var classCode: UInt32 { 0xFF_00_00 }

  /// The tag, and what every queue here can do.
  public var features: VirtioFeatures {
    [.version1, .indirectDescriptors, .eventIndex, Self.mountTagFeature]
  }

  /// One queue.
  public var queueSizes: [UInt16] { [Self.queueSize] }

  /// Ignored: no field may be written.
  public func writeConfiguration(offset: UInt64, byteCount: Int, value: UInt64) {}

  /// Serves the queue from now on.
  public func activate(_ queues: [VirtioQueueBinding], features: VirtioFeatures) {
    for binding in queues {
      let service = VirtqueueService(
        binding, memory: memory, thread: thread, chainLimit: Int(Self.queueSize)
      ) { [server] queue in Self.serve(queue, by: server) }
      do throws(Errno) {
        try service.start()
      } catch {
        binding.channel.fail(.notServed(error))
        continue
      }
      services.withLock { $0.append(service) }
    }
  }

  /// Stops and closes every file of the guest's session.
  public func deactivate() {
    let old = services.withLock { services in
      defer { services = [] }
      return services
    }
    for service in old { service.stop() }
    thread.run { [server] in server.reset() }
  }

  private static func serve(_ queue: ServedVirtqueue, by server: NinePServer) {
    for _ in 0..<messagesPerPass {
      guard let chain = queue.next() else { return }
      // The buffers are used before the queue's next chain.
      let byteCount = server.handle(
        NinePBuffers(chain.readable), reply: NinePBuffers(chain.writable))
      queue.complete(chain, byteCount: byteCount)
      // At once: the guest waits for each answer, and messages may take long.
      queue.publish()
    }
    queue.notifyAgain()
  }
}
