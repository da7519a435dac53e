import Foundation
import GRDB
import Synchronization

/// How much a query may take.
struct QueryLimits: Sendable {
  /// Limits that a query of all kept results is far from.
  static let standard = QueryLimits(rows: 100_000, time: TimeSpan.milliseconds(60_000))

  /// The most lines of a result.
  var rows: Int
  /// The most time that SQLite may take for all lines of a result together.
  var time: TimeSpan
}

/// Measures the time that SQLite takes for a query, and interrupts SQLite once that is too long.
///
/// The time in which the result is written does not count, because a reader may take any time.
final class QueryClock {
  private struct State {
    var used = Duration.zero
    var began: ContinuousClock.Instant?
  }

  private final class Shared: Sendable {
    let state = Mutex(State())
    let limit: Duration

    init(_ limit: Duration) { self.limit = limit }

    var isOver: Bool {
      state.withLock { state in
        state.used + (state.began.map { ContinuousClock.now - $0 } ?? .zero) > limit
      }
    }
  }

  private let shared: Shared
  private let timer: any DispatchSourceTimer

  /// A clock for one query of `queue`, which may take `limit`.
  init(_ queue: DatabaseQueue, limit: TimeSpan) {
    let shared = Shared(.nanoseconds(Int64(clamping: limit.nanoseconds)))
    self.shared = shared
    timer = DispatchSource.makeTimerSource(queue: .global(qos: .userInitiated))
    timer.schedule(deadline: .now(), repeating: .milliseconds(20))
    // Again and again, because SQLite ignores an interruption between two of its steps.
    timer.setEventHandler { if shared.isOver { queue.interrupt() } }
    timer.activate()
  }

  deinit { timer.cancel() }

  /// Whether the query took too long.
  var isOver: Bool { shared.isOver }

  /// Measures the time of `body`, a step of SQLite.
  func measure<Result>(_ body: () throws -> Result) rethrows -> Result {
    shared.state.withLock { $0.began = .now }
    defer {
      shared.state.withLock { state in
        state.used += state.began.map { ContinuousClock.now - $0 } ?? .zero
        state.began = nil
      }
    }
    return try body()
  }
}
