extension Array<Double> {
  /// The middle value, or the mean of the two in the middle; nil if there is none. Changes the order of the elements.
  ///
  /// Selects instead of sorting, because thousands of medians are needed.
  mutating func selectMedian() -> Double? {
    guard !isEmpty else { return nil }
    let middle = count / 2
    let upper = selectElement(ofRank: middle)
    guard count.isMultiple(of: 2) else { return upper }
    // Everything before the middle is no larger than what stands there now.
    let lower = self[..<middle].max() ?? upper
    return (lower + upper) / 2
  }

  /// The middle value, or the mean of the two in the middle; nil if there is none.
  var median: Double? {
    var copy = self
    return copy.selectMedian()
  }

  /// Moves the element that belongs at `rank` in ascending order there, smaller ones before it and larger ones behind it.
  private mutating func selectElement(ofRank rank: Int) -> Double {
    var (first, last) = (0, count - 1)
    while first < last {
      let pivot = self[first + (last - first) / 2]
      var (left, right) = (first, last)
      while left <= right {
        while self[left] < pivot { left += 1 }
        while self[right] > pivot { right -= 1 }
        if left <= right {
          swapAt(left, right)
          left += 1
          right -= 1
        }
      }
      if rank <= right {
        last = right
      } else if rank >= left {
        first = left
      } else {
        break
      }
    }
    return self[rank]
  }
}
