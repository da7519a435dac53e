/// Knows what every block of the worker's slice must contain, and checks it.
///
/// Each 512-byte sector starts with its offset on the disk, the sequence number of the write that it came with and
/// the seed; the rest is a pattern made from the three.
// SAFETY: the table has an entry for each block of the slice; buffers hold a whole block.
@safe
struct Verifier {
  private enum Entry {
    /// A request for the block is in flight.
    static let isBusy: UInt64 = 1 << 63
    /// Sequence number of the last write; 0: content unknown.
    static let sequence: UInt64 = ~isBusy
  }

  private let table: UnsafeMutablePointer<UInt64>
  private let slice: Range<UInt64>
  private let blockByteCount: UInt64
  private let seed: UInt64
  private var sequence: UInt64 = 0

  /// Blocks whose content is known.
  private(set) var knownBlocks: UInt64 = 0
  /// Blocks that were checked.
  private(set) var verifiedBlocks: UInt64 = 0
  /// Blocks that were wrong or, while reading back, unreadable.
  private(set) var errors: UInt64 = 0
  /// Offset of the first of them.
  private(set) var firstErrorOffset: UInt64 = 0
  /// Only blocks whose content is known are claimed, and those that cannot be read are wrong.
  var isReadingBack = false

  private static var sectorByteCount: UInt64 { 512 }
  private static var sectorWords: Int { 64 }

  init(_ parameters: Parameters, arena: inout Arena) throws(GuestFailure) {
    slice = parameters.slice
    blockByteCount = parameters.blockByteCount
    seed = parameters.seed
    let count = Int(truncatingIfNeeded: parameters.verify ? slice.upperBound - slice.lowerBound : 0)
    // With fewer blocks than requests in flight no block would be free.
    guard !parameters.verify || count >= parameters.iodepth else {
      throw GuestFailure(reason: .badParameter, detail: UInt64(ParameterWord.regionByteCount))
    }
    unsafe table = try arena.takeZeroed(UInt64.self, count: count)
  }

  /// Takes `block`, or the next one without a request in flight.
  mutating func claim(from block: UInt64) -> UInt64 {
    var block = block
    while true {
      let entry = unsafe table[index(of: block)]
      let isWanted = !isReadingBack || entry & Entry.sequence != 0
      if entry & Entry.isBusy == 0 && isWanted { break }
      block += 1
      if block == slice.upperBound { block = slice.lowerBound }
    }
    unsafe table[index(of: block)] |= Entry.isBusy
    return block
  }

  /// Fills `buffer` with what `block` shall contain from now on.
  mutating func prepareWrite(of block: UInt64, buffer: UInt64) throws(GuestFailure) {
    sequence += 1
    if unsafe table[index(of: block)] & Entry.sequence == 0 { knownBlocks += 1 }
    unsafe table[index(of: block)] = Entry.isBusy | sequence
    let words = unsafe try pointer(buffer).assumingMemoryBound(to: UInt64.self)
    for sector in 0..<blockByteCount / Self.sectorByteCount {
      let start = unsafe words + Int(sector) * Self.sectorWords
      let offset = block * blockByteCount + sector * Self.sectorByteCount
      for word in 0..<Self.sectorWords {
        unsafe start[word] = content(ofWord: word, offset: offset, sequence: sequence)
      }
    }
  }

  /// Gives `block` back after an answer with `status`; what was read is checked.
  mutating func release(_ block: UInt64, wasRead: Bool, status: UInt16, buffer: UInt64) throws(GuestFailure) {
    let entry = unsafe table[index(of: block)] & Entry.sequence
    unsafe table[index(of: block)] = entry
    if status != 0 {
      if isReadingBack { countError(block) }
      // A write that failed leaves either content, or a mixture.
      if !wasRead {
        unsafe table[index(of: block)] = 0
        knownBlocks -= 1
      }
      return
    }
    guard wasRead, entry != 0 else { return }
    verifiedBlocks += 1
    if try !isIntact(block, sequence: entry, buffer: buffer) { countError(block) }
  }

  /// Writes the counters.
  func write(to block: WorkerBlock) {
    block[WorkerWord.verifiedBlocks] = verifiedBlocks
    block[WorkerWord.verifyErrors] = errors
    block[WorkerWord.firstVerifyErrorOffset] = firstErrorOffset
  }

  private func isIntact(_ block: UInt64, sequence: UInt64, buffer: UInt64) throws(GuestFailure) -> Bool {
    let words = unsafe try pointer(buffer).assumingMemoryBound(to: UInt64.self)
    for sector in 0..<blockByteCount / Self.sectorByteCount {
      let start = unsafe words + Int(sector) * Self.sectorWords
      let offset = block * blockByteCount + sector * Self.sectorByteCount
      var difference: UInt64 = 0
      for word in 0..<Self.sectorWords {
        difference |= unsafe start[word] ^ content(ofWord: word, offset: offset, sequence: sequence)
      }
      if difference != 0 { return false }
    }
    return true
  }

  private mutating func countError(_ block: UInt64) {
    if errors == 0 { firstErrorOffset = block * blockByteCount }
    errors += 1
  }

  private func index(of block: UInt64) -> Int { Int(truncatingIfNeeded: block - slice.lowerBound) }

  @inline(__always)
  private func content(ofWord word: Int, offset: UInt64, sequence: UInt64) -> UInt64 {
    switch word {
    case 0: return offset
    case 1: return sequence
    case 2: return seed
    default:
      let key = (offset ^ seed) &+ sequence &* 0xE703_7ED1_A0B4_28DB
      return key &+ UInt64(truncatingIfNeeded: word) &* 0x9E37_79B9_7F4A_7C15
    }
  }
}
