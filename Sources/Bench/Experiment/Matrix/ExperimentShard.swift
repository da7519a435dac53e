import ArgumentParser

/// One of several parts of a plan, each for a host: `2/4` is the second of four.
///
/// A repetition of every cell on every side stays whole: its boots are compared with each other and have to come
/// from one host. Repetitions are dealt in turn, so that the shards differ by one repetition at most.
struct ExperimentShard: Codable, Hashable, Sendable {
  /// Which part, from 1.
  let number: Int
  /// How many parts there are.
  let count: Int

  /// More hosts than anybody has for one plan.
  private static let largestCount = 10_000

  /// The part `number` of `count`; nil if there is no such part.
  init?(number: Int, count: Int) {
    guard (1...Self.largestCount).contains(count), (1...count).contains(number) else { return nil }
    self.number = number
    self.count = count
  }

  /// Whether `repetition`, counted from 1, belongs to this part.
  func has(repetition: Int) -> Bool { (repetition - 1) % count == number - 1 }
}

extension ExperimentShard: CustomStringConvertible {
  var description: String { "\(number)/\(count)" }
}

extension ExperimentShard: ExpressibleByArgument {
  init?(argument: String) {
    let parts = argument.split(separator: "/", omittingEmptySubsequences: false).map {
      DecimalText.integer($0) as Int?
    }
    guard parts.count == 2, let number = parts[0], let count = parts[1] else { return nil }
    self.init(number: number, count: count)
  }
}
