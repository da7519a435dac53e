/// A worker's own queue to the disk. Conformers are small structs that the load loop copies to its locals.
protocol DriverQueue {
  /// Notifications made so far.
  var kicks: UInt64 { get }
  /// How often the driver let other threads of the host run, so far.
  var yields: UInt64 { get }
  /// Whether the device takes flushes; without them every write is durable when it is answered.
  var canFlush: Bool { get }

  /// Puts one request into the ring. At most iodepth may be without an answer.
  mutating func submit(_ request: DriverRequest)

  /// Notifies the device of what was submitted, if it asked for that.
  mutating func notify()

  /// Takes the next answer, nil if there is none yet.
  mutating func poll() throws(GuestFailure) -> BlockAnswer?

  /// Called when ``poll()`` found nothing though requests are in flight.
  mutating func waitForAnswer() throws(GuestFailure)

  /// Does what `kind` names, with nothing in flight at first, and waits for what comes of it. `buffer` has room for
  /// one block. Returns the device's error register.
  mutating func misbehave(
    _ kind: Misbehaviour, buffer: UInt64, parameters: Parameters
  ) throws(GuestFailure) -> UInt64
}

extension DriverQueue {
  /// The default: the driver never gives its CPU up.
  var yields: UInt64 { 0 }

  /// Submits `request`, alone in the queue, and waits for its answer's status.
  mutating func roundTrip(_ request: DriverRequest) throws(GuestFailure) -> UInt16 {
    submit(request)
    notify()
    while true {
      if let answer = try poll() {
        if answer.id == request.id { return answer.status }
        throw GuestFailure(reason: .unknownCompletion, detail: UInt64(answer.id))
      }
      try waitForAnswer()
    }
  }
}

/// Why this worker cannot go on, as it will stand in its block.
struct GuestFailure: Error {
  /// The kind of failure.
  var reason: WorkerFailure
  /// What the kind's documentation says.
  var detail: UInt64 = 0
}
