import HostSystem
import SystemPackage

/// The thread that measures the I/O threads of a group, and moves queues from busy ones to idle ones (``QueueBalance``).
///
/// In each window of 100 ms the threads measure themselves for 20 ms. They are left alone, and may sleep, as long as none has
/// used a quarter of the CPU time of the last window.
final class IOQueueBalancer: Sendable {
  private static let windowMilliseconds: Int32 = 80
  private static let measuringNanoseconds: UInt64 = 20_000_000
  /// How long a thread may take to answer; a long request of a synchronous engine can keep it.
  private static let answerNanoseconds: UInt64 = 1_000_000_000

  private let body: Body
  private let thread: HostThread

  /// Starts the thread.
  ///
  /// - Parameter nodes: the NUMA node of each thread.
  init(_ directory: IOQueueDirectory, nodes: [Int?]) throws(Errno) {
    let body = try Body(directory: directory, nodes: nodes)
    self.body = body
    thread = try HostThread(name: "io-balance", cpus: nil) { body.run() }
  }

  /// Ends the thread; a second call has no effect.
  func stop() {
    body.stopEvent.signal()
    thread.join()
  }

  /// What the thread works with.
  private final class Body: Sendable {
    let stopEvent: EventDescriptor
    private let directory: IOQueueDirectory
    private let nodes: [Int?]
    private let poll: EventPoll

    init(directory: IOQueueDirectory, nodes: [Int?]) throws(Errno) {
      let stopEvent = try EventDescriptor()
      let poll = try EventPoll()
      try poll.add(descriptor: stopEvent.rawValue, token: 0)
      self.directory = directory
      self.nodes = nodes
      self.stopEvent = stopEvent
      self.poll = poll
    }

    func run() {
      var balance = QueueBalance()
      var counts: [ObjectIdentifier: UInt64] = [:]
      var cpuTimes = self.cpuTimes()
      var start = HostClock.monotonicNanoseconds()
      while !isStopped(after: IOQueueBalancer.windowMilliseconds) {
        let (times, now) = (self.cpuTimes(), HostClock.monotonicNanoseconds())
        let used = zip(times, cpuTimes).map { $0.subtractingWithoutUnderflow($1) }.max() ?? 0
        let isAnyBusy = used >= (now &- start) / 4
        (cpuTimes, start) = (times, now)
        guard isAnyBusy else {
          balance.noteCalm()
          continue
        }
        guard let loads = measure(&counts), let move = balance.move(after: loads) else { continue }
        // Not waited for: the queue's requests may take long.
        _ = directory.startMoving(move.queue, to: move.to)
      }
    }

    private func isStopped(after milliseconds: Int32) -> Bool {
      var events = EventBuffer(capacity: 1)
      do throws(Errno) { try poll.wait(timeoutMilliseconds: milliseconds, into: &events) } catch {
        preconditionFailure("epoll_wait fails for wrong arguments alone: \(error)")
      }
      return stopEvent.isSignalled
    }

    private func cpuTimes() -> [UInt64] {
      // A thread that has ended uses none.
      directory.threads.map { (try? $0.thread.cpuTimeNanoseconds()) ?? 0 }
    }

    /// Lets all threads measure themselves at the same time; nil if one does not answer.
    private func measure(_ counts: inout [ObjectIdentifier: UInt64]) -> [QueueBalance.ThreadLoad]? {
      let threads = directory.threads
      guard Self.wait(for: threads.map { $0.startMeasuring() }) else { return nil }
      HostClock.sleep(nanoseconds: IOQueueBalancer.measuringNanoseconds)
      let measurements = threads.map { _ in IOThreadMeasurement() }
      guard Self.wait(for: zip(threads, measurements).map { $0.finishMeasuring($1) }) else { return nil }
      let earlier = counts
      counts = [:]
      var loads: [QueueBalance.ThreadLoad] = []
      for (measurement, node) in zip(measurements, nodes) {
        // Nil: the thread has ended.
        guard let reading = measurement.reading else { return nil }
        counts.merge(reading.takenCounts) { first, _ in first }
        let queues = reading.takenCounts.map { queue, count in
          QueueBalance.QueueLoad(
            queue: queue, takenCount: count.subtractingWithoutUnderflow(earlier[queue] ?? count))
        }
        loads.append(QueueBalance.ThreadLoad(node: node, busyShare: reading.busyShare, queues: queues))
      }
      return loads
    }

    private static func wait(for commands: [IOThreadCommand?]) -> Bool {
      HostClock.waitForValue(every: 200_000, timeoutNanoseconds: IOQueueBalancer.answerNanoseconds) {
        commands.allSatisfy { $0?.isDone ?? true } ? true : nil
      } ?? false
    }
  }
}
