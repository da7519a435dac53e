import Foundation
import Synchronization

@testable import VextProtocol

/// Driver and device over real rings, on two threads; each sleeps whenever it finds nothing.
///
/// A sleeping side polls only the bell: a wake-up that is lost is never made up for.
// SAFETY: each field is touched by one thread while both run, but for the atomics; the memory outlives the threads.
@safe
final class SleepyPair: @unchecked Sendable {
  let requestCount: Int
  private(set) var answered = 0
  private(set) var driverSleeps = 0
  private(set) var deviceSleeps = 0
  private(set) var lost: String?

  private static let depth: UInt32 = 8
  private static let timeoutSeconds = 30.0
  private let submissionRing = RingMemory(byteCount: 8 * VextSubmissionEntry.encodedByteCount)
  private let completionRing = RingMemory(byteCount: 8 * VextCompletionEntry.encodedByteCount)
  private let wakeBlock = RingMemory(byteCount: Int(VextWakeBlock.byteCount))
  private let doorbell = Atomic<Int>(0)
  private let interrupt = Atomic<Int>(0)
  private let hasFailed = Atomic<Bool>(false)

  init(requestCount: Int) { self.requestCount = requestCount }

  func run() {
    let device = Thread { [self] in serve() }
    device.start()
    drive()
    while !device.isFinished { usleep(1000) }
  }

  /// Waits for the bell to leave `seen`; false if it never does.
  private func sleep(until bell: borrowing Atomic<Int>, leaves seen: Int) -> Bool {
    var looks = 0
    var deadline: Date?
    while bell.load(ordering: .acquiring) == seen {
      looks += 1
      guard looks % 256 == 0 else { continue }
      if hasFailed.load(ordering: .relaxed) { return false }
      // The other thread may want this core.
      sched_yield()
      guard looks % (1 << 14) == 0 else { continue }
      if let deadline, Date() > deadline { return false }
      if deadline == nil { deadline = Date() + Self.timeoutSeconds }
    }
    return true
  }

  private func fail(_ side: String) {
    lost = side
    hasFailed.store(true, ordering: .relaxed)
  }

  private func serve() {
    var submissions = unsafe VextSubmissionConsumer(ring: submissionRing.base, depth: Self.depth)
    var completions = unsafe VextCompletionProducer(ring: completionRing.base, depth: Self.depth)
    var own = unsafe VextSleepPublisher(base: wakeBlock.base + VextWakeBlock.deviceOffset)
    var driver = unsafe VextSleepObserver(base: wakeBlock.base + VextWakeBlock.driverOffset)
    var served = 0
    while served < requestCount {
      if case .ready(let entry) = submissions.poll() {
        completions.push(VextCompletionEntry(id: entry.id, status: 0, byteCount: 0))
        served += 1
        if driver.noteAnnouncement() { interrupt.wrappingAdd(1, ordering: .releasing) }
        continue
      }
      if driver.confirmWake() { interrupt.wrappingAdd(1, ordering: .releasing) }
      let seen = doorbell.load(ordering: .relaxed)
      own.publish()
      if submissions.isIdle {
        deviceSleeps += 1
        guard sleep(until: doorbell, leaves: seen) else { return fail("the device was not woken") }
      }
      own.withdraw()
    }
  }

  private func drive() {
    var submissions = unsafe VextSubmissionProducer(ring: submissionRing.base, depth: Self.depth)
    var completions = unsafe VextCompletionConsumer(ring: completionRing.base, depth: Self.depth)
    var own = unsafe VextSleepPublisher(base: wakeBlock.base + VextWakeBlock.driverOffset)
    var device = unsafe VextSleepObserver(base: wakeBlock.base + VextWakeBlock.deviceOffset)
    var submitted = 0
    while answered < requestCount {
      // One to eight at a time, and one ring for all of them.
      let batch = min(Int.random(in: 1...8), requestCount - submitted)
      for id in 0..<UInt16(batch) { submissions.push(VextSubmissionEntry(operation: 1, id: id)) }
      submitted += batch
      if device.noteAnnouncement() { doorbell.wrappingAdd(1, ordering: .releasing) }
      while answered < submitted {
        if case .ready = completions.poll() {
          answered += 1
          continue
        }
        if device.confirmWake() { doorbell.wrappingAdd(1, ordering: .releasing) }
        let seen = interrupt.load(ordering: .relaxed)
        own.publish()
        if completions.isIdle {
          driverSleeps += 1
          guard sleep(until: interrupt, leaves: seen) else { return fail("the driver was not woken") }
        }
        own.withdraw()
      }
    }
  }
}
