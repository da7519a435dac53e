/// What the host asks for, copied from the parameter page and checked.
// SAFETY: the host promises the parameter page at the address that it passes.
@safe
struct Parameters {
  let workerCount: Int
  let worker: Int
  let transport: GuestTransport
  let isRandom: Bool
  let readPercent: UInt64
  let blockByteCount: UInt64
  let iodepth: Int
  let regionByteCount: UInt64
  let runtimeTicks: UInt64
  let warmupTicks: UInt64
  let requestLimit: UInt64
  let seed: UInt64
  let verify: Bool
  let thinkTicks: UInt64
  let shortestWindowTicks: UInt64
  let longestWindowTicks: UInt64
  let coalescesInterrupts: Bool
  let adaptation: DriverAdaptation
  let tscKilohertz: UInt64
  let heapBase: UInt64
  let heapEnd: UInt64
  let misbehaviour: Misbehaviour
  private let words: VextSharedWords

  /// Largest number of workers: as many as BAR0 of vext has queues.
  static var workerLimit: UInt64 { UInt64(VextRegister.queueLimit) }
  /// Largest depth that a queue of either transport may have.
  static var iodepthLimit: UInt64 { 1024 }

  init(page: VextSharedWords, worker: UInt64) throws(GuestFailure) {
    func word(_ index: Int, _ isUsable: (UInt64) -> Bool) throws(GuestFailure) -> UInt64 {
      let value = unsafe page.load(index)
      guard isUsable(value) else { throw GuestFailure(reason: .badParameter, detail: UInt64(index)) }
      return value
    }
    unsafe words = unsafe page
    _ = try word(ParameterWord.magic) { $0 == WorkloadLayout.magic }
    let workers = try word(ParameterWord.workerCount) { worker < $0 && $0 <= Self.workerLimit }
    workerCount = Int(truncatingIfNeeded: workers)
    self.worker = Int(truncatingIfNeeded: worker)
    let transportWord = try word(ParameterWord.transport) { GuestTransport(rawValue: $0) != nil }
    transport = GuestTransport(rawValue: transportWord) ?? .virtioBlock
    isRandom = try word(ParameterWord.isRandom) { $0 <= 1 } == 1
    readPercent = try word(ParameterWord.readPercent) { $0 <= 100 }
    let block = try word(ParameterWord.blockByteCount) { $0 > 0 && $0 % 512 == 0 && $0 <= 1 << 30 }
    blockByteCount = block
    iodepth = Int(
      truncatingIfNeeded: try word(ParameterWord.iodepth) { $0 > 0 && $0 <= Self.iodepthLimit })
    // Each worker has a slice of at least one block.
    regionByteCount = try word(ParameterWord.regionByteCount) { $0 % block == 0 && $0 / block >= workers }
    requestLimit = try word(ParameterWord.requestLimit) { _ in true }
    let limit = requestLimit
    runtimeTicks = try word(ParameterWord.runtimeTicks) { $0 < 1 << 62 && ($0 > 0 || limit > 0) }
    warmupTicks = try word(ParameterWord.warmupTicks) { $0 < 1 << 62 }
    seed = try word(ParameterWord.seed) { _ in true }
    verify = try word(ParameterWord.verify) { $0 <= 1 } == 1
    thinkTicks = try word(ParameterWord.thinkTicks) { $0 < 1 << 62 }
    shortestWindowTicks = try word(ParameterWord.shortestWindowTicks) { $0 < 1 << 62 }
    let shortest = shortestWindowTicks
    longestWindowTicks = try word(ParameterWord.longestWindowTicks) { $0 >= shortest && $0 < 1 << 62 }
    coalescesInterrupts = try word(ParameterWord.coalescesInterrupts) { $0 <= 1 } == 1
    adaptation = DriverAdaptation(
      rawValue: try word(ParameterWord.adaptation) {
        DriverAdaptation.known.isSuperset(of: DriverAdaptation(rawValue: $0))
      })
    tscKilohertz = try word(ParameterWord.tscKilohertz) { $0 > 0 && $0 < 1 << 32 }
    heapBase = try word(ParameterWord.heapBase) { $0 >= ImageHeader.loadAddress }
    let base = heapBase
    heapEnd = try word(ParameterWord.heapEnd) { $0 > base }
    let misbehaviourWord = try word(ParameterWord.misbehaviour) { Misbehaviour(rawValue: $0) != nil }
    misbehaviour = Misbehaviour(rawValue: misbehaviourWord) ?? .none
  }

  /// The time that `ticks` of the TSC take, at most an hour.
  func nanoseconds(ofTicks ticks: UInt64) -> UInt64 {
    let milliseconds = ticks / tscKilohertz
    if milliseconds >= 3_600_000 { return 3_600_000_000_000 }
    return milliseconds &* 1_000_000 &+ ticks % tscKilohertz &* 1_000_000 / tscKilohertz
  }

  /// What the host commands now. Only the guest reads its cache line until the host writes, so that a load
  /// costs a hit in the own cache.
  @inline(__always)
  var command: UInt64 { unsafe words.loadAcquiring(ParameterWord.command) }

  /// The blocks that worker `worker` has for itself.
  var slice: Range<UInt64> {
    let blocks = regionByteCount / blockByteCount / UInt64(workerCount)
    let first = blocks * UInt64(worker)
    return first..<first + blocks
  }

  /// All blocks of the region.
  var region: Range<UInt64> { 0..<regionByteCount / blockByteCount }

  /// The memory of worker `worker`.
  func arena(of worker: Int) -> Arena {
    let byteCount = (heapEnd - heapBase) / UInt64(workerCount)
    let base = heapBase + byteCount * UInt64(worker)
    return Arena(base: base, end: base + byteCount)
  }
}
