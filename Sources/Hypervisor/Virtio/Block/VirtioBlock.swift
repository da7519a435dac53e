import Synchronization
import SystemPackage

/// A virtio block device (virtio 1.2 §5.2) over a disk image, with one I/O queue for each of its virtqueues.
public final class VirtioBlock: VirtioDevice {
  private typealias Configuration = VirtioBlockProtocol.Configuration

  /// Queues of earlier activations whose requests the storage has not answered.
  private let leaving = Mutex<[IOQueueDetachment]>([])

  private struct Served: Sendable {
    let queue: VirtioBlockDeviceQueue
    let server: any IOQueueServer
  }

  /// The most sectors that one DISCARD or WRITE_ZEROES covers.
  static let maximumRangeSectorCount: UInt32 = 1 << 22

  /// The most ranges of one DISCARD or WRITE_ZEROES.
  static let maximumRangeCount: UInt32 = 16

  /// The largest queue depth.
  public static let queueDepthLimit = 1024

  /// The features that the disk allows.
  public let features: VirtioFeatures
  /// `queueDepth` for each queue.
  public let queueSizes: [UInt16]
  private let fixedConfiguration: [UInt8]
  private let cache = VirtioBlockCache()
  private let disk: DiskImage
  private let memory: GuestMemory
  private let servers: [any IOQueueServer]
  private let activities: DiskActivities
  private let served = Mutex<[Served]>([])

  /// A device with `queueCount` queues of `queueDepth` entries; queue `i` is served by `servers[i % servers.count]`.
  ///
  /// - Precondition: at least one queue and one server; the depth is a power of two from 4 to ``queueDepthLimit``.
  public init(
    disk: DiskImage, queueCount: Int, queueDepth: Int = 256, memory: GuestMemory, servers: [any IOQueueServer]
  ) {
    precondition(queueCount > 0 && !servers.isEmpty, "a block device needs a queue and a server")
    precondition(
      (4...Self.queueDepthLimit).contains(queueDepth) && queueDepth.nonzeroBitCount == 1,
      "the depth is a power of two from 4 to 1024")
    self.disk = disk
    self.memory = memory
    self.servers = servers
    activities = DiskActivities(serverCount: servers.count)
    queueSizes = [UInt16](repeating: UInt16(queueDepth), count: queueCount)
    features = Self.features(of: disk.handle)
    fixedConfiguration = Self.configuration(of: disk.handle, queueCount: queueCount, queueDepth: queueDepth)
  }

  /// 2 (virtio 1.2 §5.2.1).
  public var deviceID: UInt16 { VirtioBlockProtocol.deviceID }

  /// Mass storage, of no type that PCI names.
  public var classCode: UInt32 { 0x01_80_00 }

  /// The configuration: constant except for the cache's mode.
  public var configuration: [UInt8] {
    var bytes = fixedConfiguration
    bytes[Configuration.writeBack] = cache.isWriteBack ? 1 : 0
    return bytes
  }

  /// Switches between write-back and write-through, the one field that can be written, from the next request on.
  public func writeConfiguration(offset: UInt64, byteCount: Int, value: UInt64) {
    guard offset == UInt64(Configuration.writeBack), byteCount == 1 else { return }
    cache.isWriteBack = value & 1 != 0
  }

  /// Hands each queue to its server.
  public func activate(_ queues: [VirtioQueueBinding], features: VirtioFeatures) {
    // A driver that will not flush relies on each write (virtio 1.2 §5.2.6.2).
    if !features.contains(.blockFlush) { cache.isWriteBack = false }
    var new: [Served] = []
    for binding in queues {
      let queue = VirtioBlockDeviceQueue(
        binding.ring, port: binding.channel, disk: disk, cache: cache,
        activity: activities.activity(ofQueue: binding.index),
        memory: memory,
        chainLimit: Int(queueSizes[binding.index]))
      let server = servers[binding.index % servers.count]
      do throws(Errno) { try server.attach(queue) } catch {
        binding.channel.fail(.notServed(error))
        continue
      }
      new.append(Served(queue: queue, server: server))
    }
    served.withLock { $0 = new }
  }

  /// Takes the queues back; blocks until the requests in flight are done, for ten seconds at most.
  public func deactivate() {
    let old = served.withLock { served in
      defer { served = [] }
      return served
    }
    let detachments = old.map { $0.server.startDetaching($0.queue) }
    if !IOQueueDetachment.wait(for: detachments, nanoseconds: DiskTimeout.nanoseconds) {
      DiskTimeout.warn(of: disk)
      leaving.withLock { $0 += detachments }
    }
    cache.isWriteBack = true
  }

  /// Whether no request of an earlier activation is in flight.
  public var isQuiet: Bool {
    leaving.withLock { leaving in
      leaving.removeAll(where: \.isDone)
      return leaving.isEmpty
    }
  }

  /// Counts of the guest's requests so far. Any thread.
  public var statistics: DiskStatistics { activities.statistics }

  /// The features that `disk` allows.
  static func features(of disk: DiskHandle) -> VirtioFeatures {
    let always: VirtioFeatures = [
      .version1, .indirectDescriptors, .eventIndex, .blockSegmentLimit, .blockSize, .blockFlush,
      .blockMultiqueue,
    ]
    guard !disk.isReadOnly else { return always.union(.blockReadOnly) }
    let writable = always.union([.blockCacheMode, .blockWriteZeroes])
    return disk.canDiscard ? writable.union(.blockDiscard) : writable
  }

  /// The configuration of a device in write-through mode.
  static func configuration(of disk: DiskHandle, queueCount: Int, queueDepth: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Configuration.byteCount)
    func put(_ offset: Int, _ value: some FixedWidthInteger) {
      for index in 0..<value.bitWidth / 8 {
        bytes[offset + index] = UInt8(truncatingIfNeeded: value >> (index * 8))
      }
    }
    let blockSectorCount = UInt32(UInt64(disk.blockByteCount) / VirtioBlockProtocol.sectorByteCount)
    put(Configuration.capacity, disk.byteCount / VirtioBlockProtocol.sectorByteCount)
    // A chain also carries the header and the status.
    put(Configuration.maximumSegmentCount, UInt32(queueDepth - 2))
    put(Configuration.blockByteCount, disk.blockByteCount)
    put(Configuration.queueCount, UInt16(queueCount))
    guard !disk.isReadOnly else { return bytes }
    put(Configuration.maximumWriteZeroesSectorCount, maximumRangeSectorCount)
    put(Configuration.maximumWriteZeroesRangeCount, maximumRangeCount)
    guard disk.canDiscard else { return bytes }
    put(Configuration.writeZeroesMayUnmap, 1 as UInt8)
    put(Configuration.maximumDiscardSectorCount, maximumRangeSectorCount)
    put(Configuration.maximumDiscardRangeCount, maximumRangeCount)
    put(Configuration.discardSectorAlignment, blockSectorCount)
    return bytes
  }
}

/// Whether a block device may answer a write before its data are on stable storage (virtio 1.2 §5.2.5, §5.2.6.2).
///
/// vCPU threads set it, I/O threads read it for each write.
final class VirtioBlockCache: Sendable {
  private let writeBack = Atomic<Bool>(true)

  /// Write-back; otherwise each write is durable when it is answered.
  var isWriteBack: Bool {
    get { writeBack.load(ordering: .relaxed) }
    set { writeBack.store(newValue, ordering: .relaxed) }
  }
}
