import HostSystem
import Synchronization

/// How busy an I/O thread was for a while, and what it took from each queue so far. The thread writes it once.
final class IOThreadMeasurement: Sendable {
  struct Reading {
    /// The part of the time for which the thread had work: 0 to 1.
    let busyShare: Double
    /// Requests that were taken from each queue of the thread since the queue was made.
    let takenCounts: [ObjectIdentifier: UInt64]
  }

  private let result = Mutex<Reading?>(nil)

  /// The result; nil before it is there.
  var reading: Reading? { result.withLock { $0 } }

  func set(_ busyShare: Double, takenCounts: [(ObjectIdentifier, UInt64)]) {
    let reading = Reading(
      busyShare: busyShare, takenCounts: Dictionary(takenCounts, uniquingKeysWith: { first, _ in first }))
    result.withLock { $0 = reading }
  }
}

/// The time that an I/O thread spends in passes with work, while it is measured. The thread only.
struct BusyTime {
  /// Whether somebody measures; otherwise a pass costs no reading of a clock.
  private(set) var isMeasured = false
  private var began: UInt64 = 0
  /// The end of the last pass or sleep.
  private var mark: UInt64 = 0
  private var busyTicks: UInt64 = 0

  /// Begins a measurement, in place of one that was not finished.
  mutating func start(at now: UInt64 = SpinHint.timestampCounter()) {
    isMeasured = true
    began = now
    mark = now
    busyTicks = 0
  }

  /// Call after each pass while ``isMeasured``.
  mutating func notePass(hadWork: Bool, at now: UInt64 = SpinHint.timestampCounter()) {
    // The thread may have moved to a CPU whose counter is a little behind.
    if hadWork { busyTicks &+= now.subtractingWithoutUnderflow(mark) }
    mark = now
  }

  /// Call after a sleep: it was not work.
  mutating func noteSleep() {
    if isMeasured { mark = SpinHint.timestampCounter() }
  }

  /// Ends the measurement.
  ///
  /// - Returns: the part of the time that was spent in passes with work, 0 to 1.
  mutating func finish(at now: UInt64 = SpinHint.timestampCounter()) -> Double {
    isMeasured = false
    let elapsed = now.subtractingWithoutUnderflow(began)
    return elapsed == 0 ? 0 : min(Double(busyTicks) / Double(elapsed), 1)
  }
}
