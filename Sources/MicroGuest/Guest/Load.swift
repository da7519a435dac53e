import CGuest

/// Keeps requests in flight on one worker's queue, and measures them.
// SAFETY: `slots` has an entry for each id below iodepth, and every id is checked before it is used.
@safe
struct Load<Queue: DriverQueue> {
  /// When a run ends: at whichever limit comes first, or when the host says stop.
  struct Limit {
    /// Ticks from the first submission.
    var ticks = UInt64.max
    /// Requests submitted.
    var requests = UInt64.max
    /// The host's command that ends the run, or any above it.
    var command = HostCommand.finish
  }

  /// What a run did.
  struct Outcome {
    var elapsedTicks: UInt64 = 0
    var requests: UInt64 = 0
    var errors: UInt64 = 0
    var firstErrorStatus: UInt64 = 0
    var latencies: LatencyRecorder
  }

  /// A request in flight; all zero while its id is free.
  private struct Slot: BitwiseCopyable {
    var submittedAt: UInt64
    var block: UInt64
    var isRead: Bool
  }

  var queue: Queue
  var verifier: Verifier
  let parameters: Parameters
  private let block: WorkerBlock
  private let slots: UnsafeMutablePointer<Slot>
  private let buffers: UInt64
  private let bufferStride: UInt64

  init(
    queue: Queue, parameters: Parameters, block: WorkerBlock, arena: inout Arena
  ) throws(GuestFailure) {
    self.queue = queue
    self.parameters = parameters
    self.block = block
    verifier = try Verifier(parameters, arena: &arena)
    unsafe slots = try arena.takeZeroed(Slot.self, count: parameters.iodepth)
    bufferStride = (parameters.blockByteCount + 4095) & ~4095
    buffers = try arena.take(bufferStride * UInt64(parameters.iodepth), alignment: 4096)
    try fillBuffers()
  }

  /// Data that no layer below can mistake for zeroes.
  private func fillBuffers() throws(GuestFailure) {
    var random = Random(seed: parameters.seed)
    let words = unsafe try pointer(buffers).assumingMemoryBound(to: UInt64.self)
    for word in 0..<Int(truncatingIfNeeded: bufferStride / 8) * parameters.iodepth {
      unsafe words[word] = random.next()
    }
  }

  /// The buffer of request `id`.
  @inline(__always)
  func buffer(of id: Int) -> UInt64 { buffers &+ UInt64(truncatingIfNeeded: id) &* bufferStride }

  /// Runs what `picker` chooses until `limit`, then waits for every answer. Latencies go to `histogram`. With a time to
  /// think, each batch of iodepth requests comes after such a time.
  ///
  /// An answered id is used again at once. Up to 16 answers are taken with one reading of the clock, which is also
  /// the submission time of the requests that follow them; these go out before the answers are accounted for,
  /// since the device can work meanwhile.
  @inline(never)
  mutating func run(
    _ picker: inout RequestPicker, until limit: Limit, histogram: UnsafeMutablePointer<UInt64>
  ) throws(GuestFailure) -> Outcome {
    // Locals, so that the compiler keeps them in registers.
    var queue = self.queue
    var latencies = unsafe LatencyRecorder(histogram: histogram)
    var outcome = Outcome(latencies: latencies)
    let stop = limit.command.rawValue
    var answers = InlineArray<16, BlockAnswer>(repeating: BlockAnswer(id: 0, status: 0))
    var remaining = limit.requests
    var inFlight = 0
    var prepared = picker.next()

    let start = guest_ticks()
    let deadline = start.addingReportingOverflow(limit.ticks)
    let end = deadline.overflow ? UInt64.max : deadline.partialValue
    var now = start
    var lastAnswer = start

    let thinks = parameters.thinkTicks > 0
    while true {
      if inFlight == 0 {
        guard remaining > 0 && now < end && parameters.command < stop else { break }
        while inFlight < parameters.iodepth && remaining > 0 {
          try submit(inFlight, &prepared, &picker, &queue, at: now)
          inFlight &+= 1
          remaining &-= 1
        }
        queue.notify()
      }
      var count = 0
      let most = min(answers.count, inFlight)
      while count < most, let answer = try queue.poll() {
        answers[count] = answer
        count &+= 1
      }
      if count == 0 {
        try queue.waitForAnswer()
        continue
      }
      now = guest_ticks()
      let isOpen = now < end && parameters.command < stop
      for index in 0..<count {
        let answer = answers[index]
        let id = Int(answer.id)
        guard id < parameters.iodepth, unsafe slots[id].submittedAt != 0 else {
          throw GuestFailure(reason: .unknownCompletion, detail: UInt64(answer.id))
        }
        let ticks = unsafe now &- slots[id].submittedAt
        if parameters.verify {
          let slot = unsafe slots[id]
          try verifier.release(
            slot.block, wasRead: slot.isRead, status: answer.status, buffer: buffer(of: id))
        }
        if isOpen && remaining > 0 && !thinks {
          try submit(id, &prepared, &picker, &queue, at: now)
          remaining &-= 1
        } else {
          unsafe slots[id].submittedAt = 0
          inFlight &-= 1
        }
        latencies.record(ticks)
        outcome.requests &+= 1
        if answer.status != 0 {
          if outcome.errors == 0 { outcome.firstErrorStatus = UInt64(answer.status) }
          outcome.errors &+= 1
        }
      }
      queue.notify()
      lastAnswer = now
      if thinks && inFlight == 0 { now = think(from: now, until: end, stop: stop) }
    }

    outcome.elapsedTicks = lastAnswer &- start
    outcome.latencies = latencies
    self.queue = queue
    return outcome
  }

  /// Idles, and returns the time of the end. Sleeps until an interrupt of the local APIC's timer, as an idle operating system
  /// does; only the last microseconds, which a sleep would overshoot, are spent in a loop.
  private func think(from start: UInt64, until end: UInt64, stop: UInt64) -> UInt64 {
    let deadline = min(end, start &+ parameters.thinkTicks)
    while true {
      let now = guest_ticks()
      if now >= deadline || parameters.command >= stop { return now }
      let nanoseconds = parameters.nanoseconds(ofTicks: deadline &- now)
      if nanoseconds < ThinkTime.shortestSleepNanoseconds {
        guest_pause()
        continue
      }
      // In pieces, so that the host's command to stop is noticed.
      let piece = min(nanoseconds, ThinkTime.longestSleepNanoseconds)
      guest_sleep(block[WorkerWord.interruptCount], UInt32(truncatingIfNeeded: piece))
    }
  }

  /// Submits the prepared choice as request `id` and prepares the next while the device works.
  @inline(__always)
  private mutating func submit(
    _ id: Int, _ prepared: inout RequestPicker.Choice, _ picker: inout RequestPicker, _ queue: inout Queue,
    at now: UInt64
  ) throws(GuestFailure) {
    var choice = prepared
    let buffer = buffer(of: id)
    var submittedAt = now
    if parameters.verify {
      let block = verifier.claim(from: choice.block)
      if block != choice.block { picker.moved(to: block) }
      choice.block = block
      unsafe slots[id].block = block
      unsafe slots[id].isRead = choice.isRead
      if !choice.isRead { try verifier.prepareWrite(of: block, buffer: buffer) }
      submittedAt = guest_ticks()
    }
    unsafe slots[id].submittedAt = submittedAt
    queue.submit(
      DriverRequest(
        id: UInt16(truncatingIfNeeded: id), operation: choice.isRead ? .read : .write, shape: choice.shape,
        offset: choice.block &* parameters.blockByteCount, buffer: buffer,
        byteCount: UInt32(truncatingIfNeeded: parameters.blockByteCount)))
    prepared = picker.next()
  }

  /// Puts what was written on stable storage; nothing may be in flight.
  mutating func flush() throws(GuestFailure) {
    guard queue.canFlush else { return }
    let status = try queue.roundTrip(
      DriverRequest(id: 0, operation: .flush, offset: 0, buffer: 0, byteCount: 0))
    if status != 0 { throw GuestFailure(reason: .flushFailed, detail: UInt64(status)) }
  }
}

/// Bounds of a sleep while a worker thinks.
private enum ThinkTime {
  /// A shorter rest is spent in a loop: an interrupt of the timer costs about as much.
  static var shortestSleepNanoseconds: UInt64 { 20_000 }
  /// The longest sleep before the host's command is read again.
  static var longestSleepNanoseconds: UInt64 { 100_000_000 }
}
