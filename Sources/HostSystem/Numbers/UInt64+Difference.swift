extension UInt64 {
  /// The difference, or zero where `other` is more: for counters that are not read at one moment, and for sizes of what may be
  /// missing.
  @inlinable
  public func subtractingWithoutUnderflow(_ other: UInt64) -> UInt64 { self > other ? self &- other : 0 }
}
