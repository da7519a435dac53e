import Testing

@testable import VextProtocol

/// Every interleaving of the rules of docs/vext-protocol.md §8.1 and §8.2.
@Suite struct SleepModelTests {
  @Test func `no interleaving of two sides that sleep and yield at will loses a wake-up`() {
    var model = SleepModel()
    #expect(model.lostWakeUp() == nil)
    #expect(model.stateCount > 10_000)
  }

  @Test(
    arguments: [
      SleepModel.Flaws.noSleeperFence, .noWakerFence, .noConfirmation, .noLastPoll, .lateTakeBack, .sameEpoch,
      .unpublishedOnSharedCPU,
    ])
  func `a rule that is left out loses a wake-up in some interleaving`(flaw: SleepModel.Flaws) {
    var model = SleepModel(flaw)
    #expect(model.lostWakeUp() != nil)
  }

  @Test func `the contention word is stored once for each change`() {
    let memory = RingMemory(byteCount: 64)
    var publisher = unsafe VextContentionPublisher(base: memory.base)
    let observer = unsafe VextContentionObserver(base: memory.base)
    #expect(!observer.isShared)
    publisher.publish(isShared: true)
    #expect(observer.isShared)
    // The driver's garbage stays until the device has something new to say.
    memory.store(0xFFFF_FFFF_FFFF_FFFE, word: 0)
    publisher.publish(isShared: true)
    #expect(!observer.isShared)
    publisher.publish(isShared: false)
    publisher.publish(isShared: true)
    #expect(observer.isShared)
  }

  @Test func `the load is low while requests are in flight for less than a quarter of the time`() {
    var meter = VextLoadMeter()
    #expect(!meter.isLow)
    for _ in 0..<64 { meter.add(busy: 100, of: 1_000) }
    #expect(meter.isLow)
    for _ in 0..<64 { meter.add(busy: 900, of: 1_000) }
    #expect(!meter.isLow)
    // A pause of an hour counts as some milliseconds, so that full load is seen soon after it.
    meter.add(busy: 0, of: 3_600_000_000_000)
    #expect(meter.isLow)
    var spans = 0
    while meter.isLow && spans < 1_000 {
      meter.add(busy: 80_000, of: 80_000)
      spans += 1
    }
    #expect(spans < 100)
    meter.add(busy: .max, of: .max)
    #expect(!meter.isLow)
  }
}
