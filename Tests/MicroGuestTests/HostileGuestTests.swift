import Foundation
import Hypervisor
import MicroGuest
import Testing
import VextProtocol

@testable import Bench

/// T2: a guest that breaks the rules on its live queue, and an honest one beside it on the same I/O thread.
@Suite(.serialized, .enabled(if: hasKVM, "/dev/kvm cannot be opened"))
struct HostileGuestTests {
  static let vextCases: [(Misbehaviour, VextQueueError)] = [
    (.badOperation, .badOperation), (.idInFlight, .idInFlight), (.idOutOfRange, .idOutOfRange),
    (.offsetPastEnd, .rangeOutsideDisk), (.segmentOutsideMemory, .segmentOutsideMemory),
    (.segmentWraps, .segmentOutsideMemory), (.listOutsideMemory, .segmentOutsideMemory),
    (.reservedFlag, .reservedNotZero), (.badLap, .badLap), (.misaligned, .misaligned),
    (.ringOutsideMemory, .ringOutsideMemory), (.ringMisaligned, .misalignedRing),
    (.reregisterInFlight, .none),
  ]

  private func hostilePair(
    _ misbehaviour: Misbehaviour, mode: DataPathMode, check: (UInt64) throws -> Void
  ) throws {
    let run = try GuestRun("--guests 2 --no-direct --rw randread --iodepth 8 --requests 2000 --warmup 20ms")
    let pair = try BootedGuests(run: run, mode: mode, misbehaviour: misbehaviour)
    defer { pair.shutDown() }
    let (hostile, honest) = (pair.guests[0], pair.guests[1])
    try pair.wait(for: hostile, .finished)
    try check(try hostile.workers[0].word(WorkerWord.misbehaviourError))
    try pair.finish(honest)
    #expect(try honest.workers[0].word(WorkerWord.requests) == 2000)
    #expect(try honest.workers[0].word(WorkerWord.errors) == 0)
  }

  @Test(
    "a malformed vext entry stops its queue with the right error, and harms nobody else", arguments: vextCases
  )
  func vext(misbehaviour: Misbehaviour, expected: VextQueueError) throws {
    try hostilePair(misbehaviour, mode: .vext) { error in
      #expect(error == UInt64(expected.rawValue))
    }
  }

  @Test(
    "a guest that abuses doorbell, wake words or wake block harms nobody else",
    arguments: [
      (.doorbellStorm, .none), (.forgedWakeWords, .none), (.neverRings, .none),
      (.wakeBlockOutsideMemory, .badWakeBlock), (.forgedContention, .none),
    ] as [(Misbehaviour, VextQueueError)])
  func adaptive(misbehaviour: Misbehaviour, expected: VextQueueError) throws {
    try hostilePair(misbehaviour, mode: .vextAdaptive) { error in
      #expect(error == UInt64(expected.rawValue))
    }
  }

  @Test("a segment list that changes while it is read ends in an answer or a named error")
  func changingList() throws {
    try hostilePair(.changingList, mode: .vext) { error in
      let known: [VextQueueError] = [
        .none, .segmentOutsideMemory, .misaligned, .badTransferLength, .reservedNotZero,
      ]
      #expect(known.map { UInt64($0.rawValue) }.contains(error))
    }
  }

  @Test(
    "a virtqueue that breaks the rules makes the device ask for a reset, and harms nobody else",
    arguments: [Misbehaviour.availableIndexJump, .descriptorLoop, .segmentOutsideMemory, .segmentWraps],
    [DataPathMode.virtioBlock, .virtioBlockPolled])
  func virtio(misbehaviour: Misbehaviour, mode: DataPathMode) throws {
    try hostilePair(misbehaviour, mode: mode) { status in
      #expect(status & 0x40 != 0, "DEVICE_NEEDS_RESET")
    }
  }

  @Test("a fault in the guest is reported with its registers", arguments: DataPathMode.available)
  func pageFault(mode: DataPathMode) throws {
    let run = try GuestRun("--engine null --requests 100 --warmup 10ms")
    let booted = try BootedGuests(run: run, mode: mode, misbehaviour: .pageFault)
    defer { booted.shutDown() }
    let failure = #expect(throws: BenchFailure.self) { try booted.wait(for: booted.guests[0], .finished) }
    let text = failure?.description ?? ""
    #expect(text.contains("exception 14"))
    #expect(text.contains("rip 0x"))
    #expect(text.contains("rax 0x"))
  }

  @Test("a guest with too little memory for its work reports it")
  func badParameters() throws {
    let run = try GuestRun("--engine null --requests 10 --iodepth 1024 --bs 1m --workers 3 --size 3m")
    #expect(throws: BenchFailure.self) { try run.measure(.vext) }
  }
}
