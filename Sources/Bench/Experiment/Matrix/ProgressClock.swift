import Foundation

/// Tells how far an experiment is, and how long it will take, by how long it took so far.
struct ProgressClock {
  private var weights: [Double]
  private let total: Int
  private let start = Date()
  private var finishedCount = 0

  /// A clock for boots of these weights, which are the last of `total`.
  init(weights: [Double], total: Int) {
    self.weights = weights
    self.total = total
  }

  /// Counts a boot.
  mutating func finishOne() { finishedCount += 1 }

  /// Counts a boot that was not needed, which took no time.
  mutating func passOne() {
    weights[finishedCount] = 0
    finishedCount += 1
  }

  /// One line: which boot, what it is, time left.
  func status(title: String, now: Date = Date()) -> String {
    let done = weights.prefix(finishedCount).reduce(0, +)
    let left = weights.dropFirst(finishedCount).reduce(0, +)
    let secondsPerWeight = done > 0 ? now.timeIntervalSince(start) / done : 1
    let place = total - weights.count + finishedCount + 1
    return "[\(place)/\(total)] \(title), about \(Int((left * secondsPerWeight).rounded(.up))) s left"
  }
}
