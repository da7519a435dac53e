/// Pseudorandom numbers that follow from a 64-bit seed, so that a run or a failing test can be repeated.
///
/// The algorithm is SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
package struct SplitMix64: RandomNumberGenerator, Sendable {
  @usableFromInline var state: UInt64

  /// A generator whose numbers follow from `seed` alone.
  @inlinable
  package init(seed: UInt64) { state = seed }

  @inlinable
  package mutating func next() -> UInt64 {
    let number = Self.number(at: 0, seed: state)
    state &+= 0x9E37_79B9_7F4A_7C15
    return number
  }

  /// The number that a generator with `seed` returns after `index` others.
  @inlinable
  package static func number(at index: UInt64, seed: UInt64) -> UInt64 {
    var mixed = seed &+ (index &+ 1) &* 0x9E37_79B9_7F4A_7C15
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }
}
