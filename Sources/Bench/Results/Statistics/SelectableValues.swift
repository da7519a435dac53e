/// A multiset of finite numbers that is too large to store, with its order statistics.
///
/// Order statistics are found by bisection over the 2^64 values of a Double. Each step counts the numbers that are at most some value, in one
/// pass over the sorted samples: 100,000 values have five billion pairs.
protocol SelectableValues {
  /// How many numbers there are, at least one.
  var count: Int { get }
  /// A value that is no larger than any of the numbers.
  var lowerBound: Double { get }
  /// A value that is no smaller than any of the numbers.
  var upperBound: Double { get }

  /// How many of the numbers are at most `value`.
  func count(atMost value: Double) -> Int
}

extension SelectableValues {
  /// The number at `rank`, from 1, in ascending order.
  func value(ofRank rank: Int) -> Double {
    var low = OrderedBits(lowerBound)
    var high = OrderedBits(upperBound)
    while low.bits < high.bits {
      let middle = OrderedBits(bits: low.bits + (high.bits - low.bits) / 2)
      if count(atMost: middle.value) >= rank {
        high = middle
      } else {
        low = OrderedBits(bits: middle.bits + 1)
      }
    }
    // Adding 0 makes -0 a 0.
    return high.value + 0
  }

  /// The middle number, or the mean of the two in the middle.
  var median: Double {
    let upper = value(ofRank: count / 2 + 1)
    return count.isMultiple(of: 2) ? value(ofRank: count / 2) / 2 + upper / 2 : upper
  }
}

/// A Double as an integer of the same order: the bits of negative values are inverted.
private struct OrderedBits {
  var bits: UInt64

  init(bits: UInt64) { self.bits = bits }

  init(_ value: Double) {
    bits = value.sign == .minus ? ~value.bitPattern : value.bitPattern | 1 << 63
  }

  var value: Double { Double(bitPattern: bits >> 63 == 1 ? bits & ~(1 << 63) : ~bits) }
}

/// The means of all pairs of some values, each value with itself included.
struct WalshAverages: SelectableValues {
  private let sorted: [Double]
  let count: Int

  /// The averages of `values`, of which there is at least one.
  init(_ values: [Double]) {
    sorted = values.sorted()
    count = values.count * (values.count + 1) / 2
  }

  var lowerBound: Double { sorted[0] }
  var upperBound: Double { sorted[sorted.count - 1] }

  func count(atMost value: Double) -> Int {
    var (first, last) = (0, sorted.count - 1)
    var found = 0
    while first <= last {
      if sorted[first] / 2 + sorted[last] / 2 <= value {
        found += last - first + 1
        first += 1
      } else {
        last -= 1
      }
    }
    return found
  }
}

/// The differences between all values of one sample and all values of another.
struct PairwiseDifferences: SelectableValues {
  private let first: [Double]
  private let second: [Double]

  /// The differences of `second` less `first`; neither is empty.
  init(from first: [Double], to second: [Double]) {
    self.first = first.sorted()
    self.second = second.sorted()
  }

  var count: Int { first.count * second.count }
  var lowerBound: Double { second[0] - first[first.count - 1] }
  var upperBound: Double { second[second.count - 1] - first[0] }

  func count(atMost value: Double) -> Int {
    var place = 0
    var found = 0
    for base in first {
      while place < second.count, second[place] - base <= value { place += 1 }
      found += place
    }
    return found
  }
}
