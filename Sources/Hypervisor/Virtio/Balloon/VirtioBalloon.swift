import HostSystem
import Synchronization
import SystemPackage

/// A memory balloon (virtio 1.2 §5.5): the host tells how large it should be, the guest puts pages into it or takes them
/// out again, and what is in it goes back to the host.
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

  /// What the balloon has done since it was made.
  public struct Counters: Equatable, Sendable {
    /// Pages given back to the host.
    public var discardedPageCount: UInt64
    /// Page numbers of the guest's that name no RAM.
    public var invalidPageCount: UInt64
    /// Pages that the host's kernel did not take.
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
    /// There while a driver runs that accepted the feature.
    var statistics: (queue: BalloonStatisticsQueue, service: VirtqueueService)?
  }

  /// Pages in a MiB.
  private static let pagesPerMiB: UInt64 = 256
  /// How often an answer is looked for.
  private static let pollNanoseconds: UInt64 = 1_000_000

  private let memory: GuestMemory
  private let thread: DeviceThread
  private let state = Mutex(State())

  /// An empty balloon whose queues `thread` serves.
  public init(memory: GuestMemory, thread: DeviceThread) {
    self.memory = memory
    self.thread = thread
  }

  // MARK: The host's side

  /// How many pages of 4 KiB the balloon should hold.
  public var targetPageCount: UInt32 { state.withLock { $0.target } }

  /// How many pages of 4 KiB the driver says that it holds.
  public var actualPageCount: UInt32 { state.withLock { $0.actual } }

  /// What it has done.
  public var counters: Counters { state.withLock { $0.counters } }

  /// Asks the driver to make the balloon hold `pageCount` pages of 4 KiB, or all of RAM where that is less. The driver
  /// does so when it can. Any thread.
  public func setTarget(pageCount: UInt64) {
    let limit = min(memory.byteCount / BalloonPages.pageByteCount, UInt64(UInt32.max))
    let service = state.withLock { state in
      state.target = UInt32(min(pageCount, limit))
      return state.services.first
    }
    service?.configurationChanged()
  }

  /// Asks the driver to make the balloon hold `mib` MiB. Any thread.
  public func setTarget(mib: UInt64) {
    let (pageCount, overflow) = mib.multipliedReportingOverflow(by: Self.pagesPerMiB)
    setTarget(pageCount: overflow ? .max : pageCount)
  }

  /// Asks the driver how the guest's memory is used, and waits for the answer. Any thread but the device thread.
  public func requestStatistics(timeoutNanoseconds: UInt64) throws(BalloonError) -> BalloonStatistics {
    let start = HostClock.monotonicNanoseconds()
    let (hasDriver, statistics) = state.withLock { (!$0.services.isEmpty, $0.statistics) }
    guard hasDriver else { throw .noDriver }
    guard let (queue, service) = statistics else { throw .statisticsNotSupported }
    let number = queue.request()
    service.kick()
    while true {
      let reading = queue.reading
      if reading.number >= number { return reading.statistics }
      guard HostClock.monotonicNanoseconds() - start < timeoutNanoseconds else { throw .timedOut }
      HostClock.sleep(nanoseconds: Self.pollNanoseconds)
    }
  }

  // MARK: The driver's side

  /// 5 (virtio 1.2 §5.5.1).
  public var deviceID: UInt16 { 5 }

  /// No type that PCI names.
  public var classCode: UInt32 { 0xFF_00_00 }

  /// Statistics. Not DEFLATE_ON_OOM: with it Linux leaves MemTotal as it is, and takes pages back when it likes.
  public var features: VirtioFeatures {
    [.version1, .indirectDescriptors, .eventIndex, .balloonStatistics]
  }

  /// One to inflate, one to deflate, one for statistics.
  public var queueSizes: [UInt16] { [128, 128, 128] }

  /// The target and what the driver last said that it holds.
  public var configuration: [UInt8] {
    let (target, actual) = state.withLock { ($0.target, $0.actual) }
    let both = UInt64(target) << (Configuration.pageCount * 8) | UInt64(actual) << (Configuration.actual * 8)
    return (0..<Configuration.byteCount).map { UInt8(truncatingIfNeeded: both >> UInt64($0 * 8)) }
  }

  /// Takes what the driver says that the balloon holds.
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
        // Deflating: the pages come back when they are touched.
        let drain = ChainDrain()
        service = serve(binding) { drain.serve($0) { _ in .skipsChain } }
      }
      state.withLock { $0.services.append(service) }
      service.startOrFail()
    }
  }

  /// Serves no more. The next driver starts with an empty balloon.
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
