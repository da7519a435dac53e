import Foundation
import Synchronization
import Testing

@testable import VextProtocol

/// Sleep and wake (docs/vext-protocol.md §8.1).
@Suite struct SleepSignalTests {
  @Test func `a sleep is woken once, and the next one again`() {
    let memory = RingMemory(byteCount: 64)
    var sleeper = unsafe VextSleepPublisher(base: memory.base)
    var waker = unsafe VextSleepObserver(base: memory.base)
    func mustWake() -> Bool { waker.noteAnnouncement() }
    #expect(!mustWake())
    for _ in 0..<3 {
      sleeper.publish()
      sleeper.publish()
      #expect(mustWake())
      #expect(!mustWake())
      sleeper.withdraw()
      sleeper.withdraw()
      #expect(!mustWake())
    }
    sleeper.publish()
    sleeper.withdraw()
    #expect(!mustWake())
  }

  @Test func `whatever stands in the word, the sleeper goes on with its own count`() {
    let memory = RingMemory(byteCount: 64)
    var sleeper = unsafe VextSleepPublisher(base: memory.base)
    var waker = unsafe VextSleepObserver(base: memory.base)
    func mustWake() -> Bool { waker.noteAnnouncement() }
    for garbage in [UInt64.max, 0, 6, 1 << 63] {
      memory.store(garbage, word: 0)
      _ = mustWake()
      sleeper.publish()
      #expect(mustWake())
      sleeper.withdraw()
    }
  }

  @Test func `each announcement is followed by one more poll, which sees what the announcement did not`() {
    let memory = RingMemory(byteCount: 64)
    var sleeper = unsafe VextSleepPublisher(base: memory.base)
    var waker = unsafe VextSleepObserver(base: memory.base)
    func announce() -> Bool { waker.noteAnnouncement() }
    func confirmWake() -> Bool { waker.confirmWake() }
    sleeper.publish()
    #expect(!confirmWake())
    sleeper.withdraw()
    #expect(!announce())
    sleeper.publish()
    #expect(confirmWake())
    #expect(!confirmWake())
    // Woken for already.
    #expect(!announce())
    #expect(!confirmWake())
  }

  @Test
  func `the window grows with sleeps that longer polling would have avoided, and shrinks with long ones`() {
    var window = VextPollingWindow(start: 10, limit: 100)
    #expect(window.length == 10)
    func lengths(_ sleeps: [UInt64]) -> [UInt64] {
      sleeps.map {
        window.learn(slept: $0, waiting: 1)
        return window.length
      }
    }
    #expect(lengths([5, 99, 50, 60, 1]) == [20, 40, 80, 100, 100])
    #expect(lengths([100, 1000, .max, 200, 300]) == [50, 25, 12, 10, 10])
    // Three waiting requests allow three times the limit; the factor is at most maxWaiters.
    window = VextPollingWindow(start: 10, limit: 100)
    for _ in 0..<9 { window.learn(slept: 299, waiting: 3) }
    #expect(window.length == 300)
    window.learn(slept: 300, waiting: 3)
    #expect(window.length == 150)
    for _ in 0..<9 { window.learn(slept: 799, waiting: 1000) }
    #expect(window.length == 800)
    window.learn(slept: 10, waiting: 0)
    #expect(window.length == 100)
  }

  @Test(.timeLimit(.minutes(20)))
  func `two sides that sleep as soon as they can lose no wake-up`() {
    let pair = SleepyPair(requestCount: 1_000_000)
    pair.run()
    #expect(pair.lost == nil)
    #expect(pair.answered == pair.requestCount)
    // Both did sleep, and were rung for.
    #expect(pair.deviceSleeps > 1000)
    #expect(pair.driverSleeps > 1000)
  }
}
