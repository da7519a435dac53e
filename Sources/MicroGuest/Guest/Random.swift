/// Uniform 64-bit numbers: a Weyl sequence whose steps are mixed by one wide multiplication.
struct Random {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  @inline(__always)
  mutating func next() -> UInt64 {
    state = state &+ 0x9E37_79B9_7F4A_7C15
    let product = state.multipliedFullWidth(by: state ^ 0xD1B5_4A32_D192_ED03)
    return product.high ^ product.low
  }
}
