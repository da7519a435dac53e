// What bench and the micro guest agree on. This file is compiled twice: into the host's module MicroGuest and
// into the freestanding guest. Everything is a little-endian 64-bit word at a fixed index, so that both sides
// touch the shared memory through VextSharedWords only.

/// Words of the parameter page, written by the host before the guest starts unless said otherwise.
public enum ParameterWord {
  /// ``WorkloadLayout/magic``.
  public static let magic = 0
  /// Workers, one per vCPU.
  public static let workerCount = 1
  /// A ``GuestTransport``.
  public static let transport = 2
  /// 0: each worker walks its slice of the region in order; 1: uniformly random blocks.
  public static let isRandom = 3
  /// Share of reads among the requests, in percent: 100, 50 or 0.
  public static let readPercent = 4
  /// Bytes per request, a multiple of 512.
  public static let blockByteCount = 5
  /// Requests in flight per worker, from 1.
  public static let iodepth = 6
  /// Bytes of the disk that the workload touches, from offset 0; a multiple of the block.
  public static let regionByteCount = 7
  /// Length of the measured window in TSC ticks; 0: the window ends after ``requestLimit`` requests.
  public static let runtimeTicks = 8
  /// Length of the warm-up in TSC ticks.
  public static let warmupTicks = 9
  /// Requests per worker at most in the window; 0: no limit.
  public static let requestLimit = 10
  /// Seed of the workers' random numbers.
  public static let seed = 11
  /// 1: every block carries its offset and a sequence number, and what is read is checked.
  public static let verify = 12
  /// First byte of the memory that the workers may use: worker `i` of `n` takes the `i`-th of `n` equal parts.
  public static let heapBase = 13
  /// First byte after that memory.
  public static let heapEnd = 14
  /// A ``Misbehaviour``: what worker 0 does wrong on purpose, after its warm-up.
  public static let misbehaviour = 15
  /// Address of worker 0's block; worker `i`'s is ``WorkloadLayout/workerStride`` times `i` further.
  public static let workerBase = 16
  /// TSC ticks that a worker idles whenever all of its requests are answered, before it submits the next; 0: not at all.
  public static let thinkTicks = 17
  /// vext with sleep and wake: how many TSC ticks a worker looks for an answer at least before it waits for an interrupt.
  public static let shortestWindowTicks = 18
  /// The same, at most.
  public static let longestWindowTicks = 19
  /// virtio-blk: 1: an interrupt is wanted when half of what is in flight is answered, and not with the next answer.
  public static let coalescesInterrupts = 20
  /// vext with sleep and wake: the bits of a ``DriverAdaptation``.
  public static let adaptation = 21
  /// Ticks of the guest's TSC per millisecond.
  public static let tscKilohertz = 22
  /// A ``HostCommand``; written by the host while the guest runs, alone in its cache line.
  public static let command = 64
}

/// What the host tells all workers while they run.
public enum HostCommand: UInt64, Sendable {
  /// Warm up, become ready, then wait.
  case prepare = 0
  /// The window is open: measure.
  case measure = 1
  /// The window is closed and read out: do what is left (verification), then finish.
  case finish = 2
  /// Stop as soon as possible.
  case abort = 3
}

/// The way by which the workload's requests travel.
public enum GuestTransport: UInt64, Sendable {
  /// virtio-blk over virtio-pci, completion by interrupt.
  case virtioBlock = 1
  /// The vext queue, completion by polling.
  case vext = 2
  /// The vext queue with doorbell and interrupt for sides that sleep.
  case vextAdaptive = 3
}

/// When a driver of vext with sleep and wake does not poll for its whole window.
public struct DriverAdaptation: OptionSet, BitwiseCopyable, Sendable {
  /// The set's bits.
  public let rawValue: UInt64
  /// Takes all bits, known or not.
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// On a CPU that others need it yields between polls.
  public static var yields: DriverAdaptation { DriverAdaptation(rawValue: 1 << 0) }
  /// On a CPU that others need it waits for the interrupt at once.
  public static var sleeps: DriverAdaptation { DriverAdaptation(rawValue: 1 << 1) }
  /// While requests are in flight for less than a quarter of the time it waits for the interrupt at once.
  public static var load: DriverAdaptation { DriverAdaptation(rawValue: 1 << 2) }

  /// The bits that mean something.
  public static var known: DriverAdaptation { yields.union(sleeps).union(load) }
}

/// What a worker is doing; only ever grows, but for ``failed`` which may follow any.
public enum WorkerState: UInt64, Sendable {
  /// Not there yet, or warming up.
  case starting = 0
  /// Warmed up, nothing in flight, waiting for ``HostCommand/measure``.
  case ready = 1
  /// Within its window.
  case measuring = 2
  /// Its window is over, nothing in flight, results written; spins without an exit until ``HostCommand/finish``.
  case measured = 3
  /// All done, verification included; halts.
  case finished = 4
  /// Ended by what ``WorkerWord/failure`` says.
  case failed = 5
}

/// Why a worker failed.
public enum WorkerFailure: UInt64, Sendable {
  /// It did not fail.
  case none = 0
  /// A processor exception: the fault record is filled in.
  case exception = 1
  /// The PCI function of the transport was not found, or lacks what the driver needs.
  case deviceMissing = 2
  /// The device refused a queue. Detail 0: vext's error register or virtio's status.
  case queueRefused = 3
  /// The device stopped the queue or broke the ring protocol. Detail 0: vext's error register.
  case queueStopped = 4
  /// The heap part is too small for the rings and buffers.
  case outOfMemory = 5
  /// An answer names a request that is not in flight. Detail 0: its id.
  case unknownCompletion = 6
  /// The parameters are not usable. Detail 0: index of the word.
  case badParameter = 7
  /// A flush between the phases of a verified run failed. Detail 0: its status.
  case flushFailed = 8
}

/// Words of a worker's block, written by the guest alone.
public enum WorkerWord {
  /// A ``WorkerState``, stored with release ordering.
  public static let state = 0
  /// A ``WorkerFailure``.
  public static let failure = 1
  /// Four words about the failure.
  public static let failureDetail = 2
  /// Interrupts taken, counted by the ring-0 nub.
  public static let interruptCount = 6

  /// TSC ticks from the first submission in the window to the last answer.
  public static let elapsedTicks = 8
  /// Requests answered in the window, errors included.
  public static let requests = 9
  /// Bytes moved by them.
  public static let bytes = 10
  /// Those among them that ended with an error.
  public static let errors = 11
  /// The first error's status: vext's errno, or virtio-blk's status byte.
  public static let firstErrorStatus = 12
  /// Blocks whose content was checked, whole run.
  public static let verifiedBlocks = 13
  /// Blocks whose content was wrong, whole run.
  public static let verifyErrors = 14
  /// Offset of the first wrong block.
  public static let firstVerifyErrorOffset = 15
  /// Sum of the latencies in TSC ticks.
  public static let latencySumTicks = 16
  /// Largest latency in TSC ticks.
  public static let latencyMaxTicks = 17
  /// Smallest latency in TSC ticks.
  public static let latencyMinTicks = 18
  /// Notifications (kicks, doorbells) that the driver made in the window.
  public static let kicks = 19
  /// What the queue's error register said after a ``Misbehaviour``.
  public static let misbehaviourError = 20
  /// Requests answered before the window, while warming up.
  public static let warmupRequests = 21
  /// How often the driver gave its CPU up by the queue's yield register in the window.
  public static let yields = 22

  /// Start of the fault record: see ``FaultWord``.
  public static let fault = 32
}

/// Words of the fault record, from ``WorkerWord/fault``.
public enum FaultWord {
  /// Exception vector, 0 to 31.
  public static let vector = 0
  /// Error code, 0 where the exception has none.
  public static let errorCode = 1
  /// RIP, CS, RFLAGS, RSP, SS as the processor pushed them.
  public static let rip = 2
  /// Code segment selector.
  public static let cs = 3
  /// Flags.
  public static let rflags = 4
  /// Stack pointer.
  public static let rsp = 5
  /// Stack segment selector.
  public static let ss = 6
  /// Faulting address of a page fault.
  public static let cr2 = 7
  /// The 15 general registers: RAX RBX RCX RDX RSI RDI RBP R8 ... R15.
  public static let generalRegisters = 8
  /// Words of the whole record.
  public static let count = 23
}

/// What a hostile guest may try on its live queue; each must end in the named error, and harm nobody else.
public enum Misbehaviour: UInt64, CaseIterable, Sendable {
  /// Behaves.
  case none = 0
  /// An operation number that does not exist.
  case badOperation = 1
  /// The id of a request that has no answer yet.
  case idInFlight = 2
  /// An id beyond the depth.
  case idOutOfRange = 3
  /// An offset past the end of the disk.
  case offsetPastEnd = 4
  /// A segment outside RAM.
  case segmentOutsideMemory = 5
  /// A segment whose end wraps around 2^64.
  case segmentWraps = 6
  /// A segment list outside RAM.
  case listOutsideMemory = 7
  /// A reserved bit set.
  case reservedFlag = 8
  /// Garbage in place of the lap.
  case badLap = 9
  /// An offset that is not a multiple of the block size.
  case misaligned = 10
  /// The queue's rings registered outside RAM.
  case ringOutsideMemory = 11
  /// The queue's rings registered at odd addresses.
  case ringMisaligned = 12
  /// The queue disabled and registered again with requests in flight; not an error: it goes on.
  case reregisterInFlight = 13
  /// virtio-blk: the available index jumps further than the queue is deep.
  case availableIndexJump = 14
  /// virtio-blk: a chain of descriptors that points at itself.
  case descriptorLoop = 15
  /// A read of an address that is not mapped in the guest: must be reported with its registers.
  case pageFault = 16
  /// A segment list that the guest rewrites while the device reads it: an answer or an error, never a trap.
  case changingList = 17
  /// vext with sleep and wake: rings the doorbell over and over, without a request.
  case doorbellStorm = 18
  /// vext with sleep and wake: writes garbage into both wake words while requests are in flight.
  case forgedWakeWords = 19
  /// vext with sleep and wake: submits without ringing.
  case neverRings = 20
  /// vext with sleep and wake: a wake block outside RAM.
  case wakeBlockOutsideMemory = 21
  /// vext with sleep and wake: garbage in the contention word, and writes to the yield register over and over.
  case forgedContention = 22
}

/// Sizes and places that both sides know.
public enum WorkloadLayout {
  /// Value of ``ParameterWord/magic``.
  public static let magic: UInt64 = 0x3130_5458_4556_474D
  /// Bytes of the parameter page.
  public static let parameterByteCount = 4096
  /// Where a worker's histogram starts in its block, in bytes.
  public static let histogramOffset = 4096
  /// Bytes from one worker's block to the next.
  public static let workerStride = 4096 + 40960
  /// Port that a worker writes a byte to when its state becomes failed: the write leaves the guest at once.
  public static let reportPort: UInt16 = 0xF4
  /// Interrupt vector that devices raise.
  public static let interruptVector: UInt8 = 0x40
  /// Vector of spurious interrupts.
  public static let spuriousVector: UInt8 = 0xFF
}

/// The histogram of latencies in TSC ticks that a worker fills: 128 buckets per power of two, so that a bucket
/// is at most 1/128 of its values wide.
public enum TickHistogram {
  /// Buckets: enough for values below 2^44 ticks (some two hours); larger ones count in the last.
  public static let bucketCount = 37 * 128 + 128

  /// The bucket of `ticks`.
  @inline(__always)
  public static func bucket(of ticks: UInt64) -> Int {
    if ticks < 256 { return Int(truncatingIfNeeded: ticks) }
    let exponent = 63 &- ticks.leadingZeroBitCount
    let index = (exponent &- 7) &* 128 &+ Int(truncatingIfNeeded: ticks &>> UInt64(exponent &- 7))
    return index < bucketCount ? index : bucketCount &- 1
  }

  /// The smallest value in `bucket`.
  public static func lowerBound(ofBucket bucket: Int) -> UInt64 {
    if bucket < 256 { return UInt64(bucket) }
    let exponent = bucket / 128 - 1
    return UInt64(bucket - exponent * 128) << UInt64(exponent)
  }

  /// How many values share `bucket`.
  public static func width(ofBucket bucket: Int) -> UInt64 {
    bucket < 256 ? 1 : 1 << UInt64(bucket / 128 - 1)
  }
}

/// The first bytes of the image, as 64-bit words, at ``ImageHeader/loadAddress``.
public enum ImageHeader {
  /// Guest-physical address at which the flat image is loaded; the header is its first byte.
  public static let loadAddress: UInt64 = 0x10_0000
  /// Bytes that the image may take in memory, zero-initialized data included.
  public static let byteLimit: UInt64 = 0x10_0000
  /// Value of word 0.
  public static let magic: UInt64 = 0x4745_4D49_5458_4556
  /// Word: ``magic``.
  public static let magicWord = 0
  /// Word: address at which each vCPU starts, at CPL 3, with RDI = parameter page and RSI = worker index.
  public static let entryWord = 1
  /// Word: address of the entry stub of exception 0.
  public static let exceptionStubsWord = 2
  /// Word: bytes from one exception's stub to the next; there are 32.
  public static let exceptionStrideWord = 3
  /// Word: address of the stub for ``WorkloadLayout/interruptVector``.
  public static let interruptStubWord = 4
  /// Word: address of the stub for ``WorkloadLayout/spuriousVector``.
  public static let spuriousStubWord = 5
  /// Word: first byte after the image in memory.
  public static let endWord = 6
}
