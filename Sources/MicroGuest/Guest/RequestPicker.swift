/// Chooses which block comes next and what is done with it.
struct RequestPicker {
  /// What was chosen.
  struct Choice {
    var block: UInt64
    var isRead: Bool
    var shape: UInt8
  }

  private var random: Random
  private let isRandom: Bool
  /// Reads among 65,536 requests.
  private let readShare: UInt64
  /// Which shapes a request may have: a mask of random bits.
  private let shapeMask: UInt64
  private let first: UInt64
  private let count: UInt64
  private var position: UInt64 = 0

  /// Walks `blocks`, which is not empty: uniformly at random, or in order and round again.
  init(blocks: Range<UInt64>, isRandom: Bool, readPercent: UInt64, varied: Bool, seed: UInt64) {
    random = Random(seed: seed)
    self.isRandom = isRandom
    readShare = readPercent * 65536 / 100
    shapeMask = varied ? 3 : 0
    first = blocks.lowerBound
    count = blocks.upperBound - blocks.lowerBound
  }

  /// The workload that the parameters ask for.
  init(_ parameters: Parameters) {
    // A verified block belongs to one worker, and so does a place in the sequence.
    let wholeRegion = parameters.isRandom && !parameters.verify
    self.init(
      blocks: wholeRegion ? parameters.region : parameters.slice, isRandom: parameters.isRandom,
      readPercent: parameters.readPercent, varied: parameters.verify,
      seed: parameters.seed &+ UInt64(parameters.worker) &* 0xA076_1D64_78BD_642F)
  }

  /// The next request. No division: the high half of a product maps a random number to the range.
  @inline(__always)
  mutating func next() -> Choice {
    let number = random.next()
    let block: UInt64
    if isRandom {
      block = first &+ number.multipliedFullWidth(by: count).high
    } else {
      block = first &+ position
      position = position &+ 1
      if position == count { position = 0 }
    }
    let shape = UInt8(truncatingIfNeeded: number &>> 16 & shapeMask)
    return Choice(block: block, isRead: number & 0xFFFF < readShare, shape: shape)
  }

  /// Goes on behind `block`, which was taken instead of the one that ``next()`` chose.
  mutating func moved(to block: UInt64) {
    position = block &- first &+ 1
    if position == count { position = 0 }
  }
}

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
