import HostSystem
import Synchronization
import SystemPackage

/// A memory balloon (virtio 1.2 §5.5).
///
/// The host sets the target size, the guest puts pages into the balloon or takes them out, and pages in it return to the
/// host.
public final class VirtioBalloon: VirtioDevice {
  private enum Queue {
    static let inflate = 0
    static let deflate = 1
    static let statistics = 2
  }

  /// The device-specific configuration (§5.5.4): two little-endian numbers of 32 bits.
  private enum Configuration {
    static let pageCount = 0
    static let actual: UInt64 = 4
    static let byteCount = 8
  }

  /// Counts of the balloon's pages since it was made.
  public struct Counters: Equatable, Sendable {
    /// Number of pages returned to the host.
    public var discardedPageCount: UInt64
    /// Number of the guest's page numbers outside of RAM.
    public var invalidPageCount: UInt64
    /// Number of pages that the host's kernel refused.
    public var refusedPageCount: UInt64

    /// Number of pages of each kind.
    public init(
      discardedPageCount: UInt64 = 0, invalidPageCount: UInt64 = 0, refusedPageCount: UInt64 = 0
    ) {
      self.discardedPageCount = discardedPageCount
      self.invalidPageCount = invalidPageCount
      self.refusedPageCount = refusedPageCount
    }
  }

  private struct State {
    var target: UInt32 = 0
    var actual: UInt32 = 0
    var counters = Counters()
    var services: [VirtqueueService] = []
    /// The statistics queue while a driver runs that accepted the feature.
    var statistics: (queue: BalloonStatisticsQueue, service: VirtqueueService)?
  }

  /// Number of pages in a MiB.
  private static let pagesPerMiB: UInt64 = 256
  /// Interval at which a reply is polled, in nanoseconds.
  private static let pollNanoseconds: UInt64 = 1_000_000

  private let memory: GuestMemory
  private let thread: DeviceThread
  private let state = Mutex(State())

  /// Makes an empty balloon whose queues `thread` serves.
  public init(memory: GuestMemory, thread: DeviceThread) {
    self.memory = memory
    self.thread = thread
  }

  // MARK: The host's side

  /// The target size in pages of 4 KiB.
  public var targetPageCount: UInt32 { state.withLock { $0.target } }

  /// The size in pages of 4 KiB that the driver reports.
  public var actualPageCount: UInt32 { state.withLock { $0.actual } }

  /// Whether a driver has started the device.
  public var hasDriver: Bool { state.withLock { !$0.services.isEmpty } }

  /// The counts so far.
  public var counters: Counters { state.withLock { $0.counters } }

  /// Sets the target size to `pageCount` pages of 4 KiB, or all of RAM if that is less. Any thread.
  ///
  /// The driver changes the balloon when it can.
  public func setTarget(pageCount: UInt64) {
    let limit = min(memory.byteCount / BalloonPages.pageByteCount, UInt64(UInt32.max))
    let service = state.withLock { state in
      state.target = UInt32(min(pageCount, limit))
      return state.services.first
    }
    service?.configurationChanged()
  }

  /// Sets the target size in MiB. Any thread.
  public func setTarget(mib: UInt64) {
    let (pageCount, overflow) = mib.multipliedReportingOverflow(by: Self.pagesPerMiB)
    setTarget(pageCount: overflow ? .max : pageCount)
  }

  /// Requests the guest's memory usage from the driver, and waits for it. Any thread but the device thread.
  public func requestStatistics(timeoutNanoseconds: UInt64) throws(BalloonError) -> BalloonStatistics {
    let (hasDriver, statistics) = state.withLock { (!$0.services.isEmpty, $0.statistics) }
    guard hasDriver else { throw .noDriver }
    guard let (queue, service) = statistics else { throw .statisticsNotSupported }
    let number = queue.request()
    service.kick()
    let answer = HostClock.waitForValue(every: Self.pollNanoseconds, timeoutNanoseconds: timeoutNanoseconds) {
      let reading = queue.reading
      return reading.number >= number ? reading.statistics : nil
    }
    guard let answer else { throw .timedOut }
    return answer
  }

  // MARK: The driver's side

  /// 5 (virtio 1.2 §5.5.1).
  public var deviceID: UInt16 { 5 }

  /// A class that PCI does not define.
  public var classCode: UInt32 { 0xFF_00_00 }

  /// Statistics. Not DEFLATE_ON_OOM, with which Linux keeps MemTotal and takes pages back at any time.
  public var features: VirtioFeatures {
    [.version1, .indirectDescriptors, .eventIndex, .balloonStatistics]
  }

  /// The queues: inflate, deflate, statistics.
  public var queueSizes: [UInt16] { [128, 128, 128] }

  /// The target size and the size that the driver reported last.
  public var configuration: [UInt8] {
    let (target, actual) = state.withLock { ($0.target, $0.actual) }
    let both = UInt64(target) << (Configuration.pageCount * 8) | UInt64(actual) << (Configuration.actual * 8)
    return (0..<Configuration.byteCount).map { UInt8(truncatingIfNeeded: both >> UInt64($0 * 8)) }
  }

  /// Takes the size that the driver reports.
  public func writeConfiguration(offset: UInt64, byteCount: Int, value: UInt64) {
    guard offset == Configuration.actual, byteCount == 4 else { return }
    state.withLock { $0.actual = UInt32(truncatingIfNeeded: value) }
  }

  /// Serves the queues.
  public func activate(_ queues: [VirtioQueueBinding], features: VirtioFeatures) {
    for binding in queues {
      let service: VirtqueueService
      switch binding.index {
      case Queue.inflate:
        let drain = ChainDrain()
        service = serve(binding) { [weak self] queue in
          drain.serve(queue) { self?.inflate($0) ?? .skipsChain }
        }
      case Queue.statistics:
        guard features.contains(.balloonStatistics) else { continue }
        let statistics = BalloonStatisticsQueue()
        service = serve(binding) { statistics.serve($0) }
        state.withLock { $0.statistics = (statistics, service) }
      default:
        // Deflating needs no action, because the pages come back when they are touched.
        let drain = ChainDrain()
        service = serve(binding) { drain.serve($0) { _ in .skipsChain } }
      }
      state.withLock { $0.services.append(service) }
      service.startOrFail()
    }
  }

  /// Stops serving. The next driver starts with an empty balloon.
  public func deactivate() {
    let services = state.withLock { state in
      defer { (state.services, state.statistics, state.actual) = ([], nil, 0) }
      return state.services
    }
    for service in services { service.stop() }
  }

  private func serve(
    _ binding: VirtioQueueBinding, _ body: @escaping @Sendable (ServedVirtqueue) -> Void
  ) -> VirtqueueService {
    VirtqueueService(binding, memory: memory, thread: thread, serve: body)
  }

  private func inflate(_ bytes: [UInt8]) -> ChainDrain.Consumption {
    let outcome = BalloonPages(memory: memory).discard(bytes)
    state.withLock { state in
      state.counters.discardedPageCount &+= outcome.discardedCount
      state.counters.invalidPageCount &+= outcome.invalidCount
      state.counters.refusedPageCount &+= outcome.refusedCount
    }
    return .took(bytes.count)
  }
}

/// Feature bits of the memory balloon (virtio 1.2 §5.5.3).
extension VirtioFeatures {
  /// VIRTIO_BALLOON_F_STATS_VQ: the driver reports the guest's memory usage.
  static let balloonStatistics = VirtioFeatures(rawValue: 1 << 1)
}

/// The reason why there are no balloon statistics.
public enum BalloonError: Error, Equatable, Sendable, CustomStringConvertible {
  /// No driver has started the device.
  case noDriver
  /// The driver runs, but did not accept VIRTIO_BALLOON_F_STATS_VQ.
  case statisticsNotSupported
  /// The driver did not answer in time.
  case timedOut

  /// The error message: one line.
  public var description: String {
    switch self {
    case .noDriver: "the guest has no driver for the memory balloon (CONFIG_VIRTIO_BALLOON)"
    case .statisticsNotSupported: "the guest's balloon driver has no memory statistics"
    case .timedOut: "the guest's balloon driver did not answer in time"
    }
  }
}
