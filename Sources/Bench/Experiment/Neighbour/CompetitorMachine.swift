import HostSystem
import Hypervisor
import Synchronization
import VextProtocol

/// A machine without vCPUs: a thread of the host drives its vext queues, so that it takes as much of an I/O thread as a guest could.
///
/// The thread sleeps between two polls of its queues, because the measured guest may share its CPU.
final class CompetitorMachine {
  /// What its thread has done so far.
  private final class Count: Sendable {
    let answers = Atomic<UInt64>(0)
    let failures = Atomic<UInt64>(0)
    let isEnded = Atomic<Bool>(false)
  }

  private let device: VextDevice
  private let thread: HostThread
  private let count: Count

  /// The time between two polls of the queues.
  private static let pauseNanoseconds: UInt64 = 50_000
  /// Requests that it submits between two pauses at most: filling 128 queues takes the CPU for no longer than a request takes.
  private static let submissionLimit = 256
  private static let depth: UInt32 = 128
  private static let bufferAddress: UInt64 = 16 << 20

  /// Starts to use `disk`, which the I/O threads of `group` serve.
  init(_ competitor: Competitor, disk: DiskImage, group: IOThreadGroup, seed: UInt64) throws {
    let byteCount = competitor.requestByteCount(diskByteCount: disk.handle.byteCount)
    let memory = try GuestMemory(byteCount: Self.bufferAddress * 2)
    let device = VextDevice(
      name: "competitor", disk: disk, queueCount: competitor.queueCount, memory: memory,
      servers: group.servers)
    var queues: [CompetitorQueue] = []
    for index in 0..<UInt16(competitor.queueCount) {
      let queue = CompetitorQueue(
        index: index, depth: Self.depth, iodepth: competitor.iodepth, memory: memory)
      guard queue.enable(on: device) else {
        throw BenchFailure("the competitor's queue \(index) was not enabled", exitCode: .general)
      }
      queues.append(queue)
    }
    let (count, started, positions) = (Count(), queues, max(disk.handle.byteCount / byteCount, 1))
    self.device = device
    self.count = count
    thread = try HostThread(name: "competitor", cpus: nil) {
      var (queues, random) = (started, SplitMix64(seed: seed))
      var turn = 0
      while !count.isEnded.load(ordering: .relaxed) {
        var left = Self.submissionLimit
        for step in queues.indices {
          // Each look begins with another queue, so that none stays empty.
          let index = (turn + step) % queues.count
          let answers = queues[index].takeAnswers()
          count.answers.wrappingAdd(UInt64(answers.taken), ordering: .relaxed)
          count.failures.wrappingAdd(UInt64(answers.failed), ordering: .relaxed)
          left -= queues[index].submit(limit: left) { id in
            competitor.entry(
              id: id, offset: UInt64.random(in: 0..<positions, using: &random) * byteCount,
              byteCount: byteCount, buffer: GuestAddress(Self.bufferAddress))
          }
        }
        turn &+= 1
        HostClock.sleep(nanoseconds: Self.pauseNanoseconds)
      }
    }
  }

  /// Requests that were answered so far.
  var answerCount: UInt64 { count.answers.load(ordering: .relaxed) }

  /// Ends it.
  ///
  /// - Throws: ``BenchFailure`` if a request failed or a queue stopped: then it was no competitor.
  func end() throws {
    count.isEnded.store(true, ordering: .relaxed)
    thread.join()
    let failures = count.failures.load(ordering: .relaxed)
    let isStopped = CompetitorQueue.isAnyStopped(of: device)
    device.shutDown()
    guard failures == 0, !isStopped else {
      throw BenchFailure("\(failures) requests of the competitor failed", exitCode: .ioError)
    }
  }
}
