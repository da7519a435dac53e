public import SystemPackage
import HostSystem
import VextProtocol

/// A queue of a vext device, to which one thread at a time submits requests.
///
/// The device carries out a request on memory of its pool in place; other memory is copied through the pool. A request may
/// have any length, and is split into entries within the device's limits. The buffers of a request must stay valid and
/// unchanged until its result was taken by a `wait` function.
///
/// After an error of the queue itself (`ETIMEDOUT`: no completion in time; `EIO`: the device stopped the queue) every call
/// throws that error until ``reset()``. Until then the pool does not reuse buffers that the device may still touch, even if
/// their owner deallocates them.
@safe
public final class VextClientQueue {
  // SAFETY: rings, wake block and reserve are allocations of the pool from the initializer to `deinit`, which disables the queue first.
  /// The queue's device.
  public let device: VextBlockDevice
  /// The queue's number on the device, from 0.
  public let index: UInt16
  /// Number of entries that may be in flight at once, a power of two.
  public let depth: Int
  /// The way in which the queue waits for completions.
  public var waitPolicy: VextWaitPolicy
  /// Number of entries submitted so far; a request that is split has several.
  public internal(set) var entryCount: UInt64 = 0
  /// The error that every call throws until ``reset()``; nil while the queue works.
  public internal(set) var failure: Errno?

  let pool: VextBufferPool
  let memory: VextMemory
  let limits: VextDeviceLimits
  /// Maximum number of segments in an entry's list.
  let segmentLimit: Int
  private let submissionRing: UnsafeMutableRawBufferPointer
  private let completionRing: UnsafeMutableRawBufferPointer
  /// The queue's wake block; nil unless the device's I/O thread may sleep.
  private let wakeBlock: UnsafeMutableRawBufferPointer?
  /// The device's word of the wake block.
  var sleepingDevice: VextSleepObserver?
  /// Whether entries were announced for which the device has not been woken yet, if it sleeps.
  var hasAnnounced = false
  /// Memory for copies when the pool has none.
  let reserve: UnsafeMutableRawBufferPointer
  var isReserveInUse = false

  var submissions: VextSubmissionProducer
  var completions: VextCompletionConsumer
  var commands: ContiguousArray<QueueCommand>
  var freeIDs: ContiguousArray<UInt16>
  /// Number of entries that the device has.
  var inFlightCount = 0
  var requests: ContiguousArray<QueueRequest> = []
  var freeRequests: ContiguousArray<Int> = []
  /// The segments of the entry that is being built.
  var segments: ContiguousArray<VextSegment> = []

  /// Size of a segment list in bytes: one page, which is always contiguous.
  static let listByteCount = PhysicalMap.pageByteCount
  /// Number of bytes that one entry copies through the pool, unless a block is larger.
  static let bounceByteCount = 256 << 10
  /// Minimum size of the memory that the queue reserves for copies, in bytes.
  private static let reserveByteCount = 64 << 10

  init(
    device: VextBlockDevice, index: UInt16, depth wanted: Int, waitPolicy: VextWaitPolicy
  ) throws(Errno) {
    guard wanted > 0 else { throw .invalidArgument }
    let pool = device.pool
    var depth = 2
    while depth < wanted, depth < device.limits.maxQueueDepth { depth *= 2 }
    // Without huge pages, the pool may have no contiguous buffer for a long ring.
    var rings = unsafe Self.rings(depth: depth, pool)
    while unsafe rings == nil, depth > 2 {
      depth /= 2
      unsafe rings = unsafe Self.rings(depth: depth, pool)
    }
    guard let rings = unsafe rings else { throw .noMemory }
    let wakeBlock =
      unsafe device.ringsDoorbell ? pool.takeContiguous(byteCount: Int(VextWakeBlock.byteCount)) : nil
    let reserve = unsafe pool.take(byteCount: max(Self.reserveByteCount, device.limits.blockByteCount))
    guard let reserve = unsafe reserve, unsafe wakeBlock != nil || !device.ringsDoorbell else {
      unsafe pool.deallocate(rings.submission)
      unsafe pool.deallocate(rings.completion)
      if let block = unsafe wakeBlock { unsafe pool.deallocate(block) }
      if let reserve = unsafe reserve { unsafe pool.deallocate(reserve) }
      throw .noMemory
    }
    self.device = device
    self.index = index
    self.depth = depth
    self.waitPolicy = waitPolicy
    self.pool = pool
    memory = pool.memory
    limits = device.limits
    segmentLimit = min(device.limits.maxSegments, Self.listByteCount / VextSegment.encodedByteCount)
    unsafe submissionRing = unsafe rings.submission
    unsafe completionRing = unsafe rings.completion
    unsafe self.wakeBlock = unsafe wakeBlock
    unsafe self.reserve = unsafe reserve
    commands = ContiguousArray(repeating: QueueCommand(), count: depth)
    freeIDs = ContiguousArray((0..<UInt16(depth)).reversed())
    segments.reserveCapacity(segmentLimit)
    // SAFETY: both rings have room for `depth` entries and belong to this object.
    submissions = unsafe VextSubmissionProducer(
      ring: rings.submission.baseAddress.unsafelyUnwrapped, depth: UInt32(depth))
    completions = unsafe VextCompletionConsumer(
      ring: rings.completion.baseAddress.unsafelyUnwrapped, depth: UInt32(depth))
    do throws(Errno) {
      try enable()
    } catch {
      releaseMemory()
      throw error
    }
  }

  deinit {
    // Disables the queue. When this returns, nothing is in flight, and the device will not touch rings or buffers again.
    setControl(0)
    endCommands()
    releaseMemory()
    device.giveBackIndex(Int(index))
  }

  /// Disables the queue and enables it again, which clears a ``failure``.
  ///
  /// Blocks until the device is done with the requests in flight, as long as the slowest of them takes. Requests that have
  /// not ended yet end with `ECANCELED`.
  ///
  /// - Throws: `EIO` if the device refuses the queue.
  public func reset() throws(Errno) {
    setControl(0)
    failure = nil
    endRequests(Errno.canceled)
    endCommands()
    try enable()
  }

  /// The queue's state and error registers, for diagnosis. Reading each may cost a vmexit.
  public var deviceState: (state: VextQueueState?, error: VextQueueError?) {
    (
      VextQueueState(rawValue: load(.state)),
      VextQueueError(rawValue: load(.error))
    )
  }

  func setControl(_ value: UInt32) {
    device.registers.store32(VextRegister.queue(index, .control), value)
  }

  func load(_ register: VextQueueRegister) -> UInt32 {
    device.registers.load32(VextRegister.queue(index, register))
  }

  /// Clears the rings and enables the queue.
  private func enable() throws(Errno) {
    unsafe submissionRing.initializeMemory(as: UInt8.self, repeating: 0)
    unsafe completionRing.initializeMemory(as: UInt8.self, repeating: 0)
    // SAFETY: as in the initializer.
    submissions = unsafe VextSubmissionProducer(
      ring: submissionRing.baseAddress.unsafelyUnwrapped, depth: UInt32(depth))
    completions = unsafe VextCompletionConsumer(
      ring: completionRing.baseAddress.unsafelyUnwrapped, depth: UInt32(depth))
    let registers = device.registers
    // A queue that is enabled already would keep its old rings.
    setControl(0)
    registers.store64(VextRegister.queue(index, .submissionRing), unsafe address(of: submissionRing))
    registers.store64(VextRegister.queue(index, .completionRing), unsafe address(of: completionRing))
    registers.store32(VextRegister.queue(index, .depth), UInt32(depth))
    if let block = unsafe wakeBlock, let base = block.baseAddress {
      unsafe block.initializeMemory(as: UInt8.self, repeating: 0)
      sleepingDevice = unsafe VextSleepObserver(base: base + VextWakeBlock.deviceOffset)
      registers.store64(VextRegister.queue(index, .wakeBlock), unsafe address(of: block))
    }
    setControl(1)
    guard load(.state) == VextQueueState.enabled.rawValue else {
      failure = .ioError
      throw .ioError
    }
  }

  private func address(of bytes: UnsafeMutableRawBufferPointer) -> UInt64 {
    guard let base = bytes.baseAddress,
      let offset = unsafe memory.offset(of: base, byteCount: bytes.count)
    else { preconditionFailure("memory of the pool") }
    return memory.map.run(at: offset).address
  }

  private static func rings(
    depth: Int, _ pool: VextBufferPool
  ) -> (submission: UnsafeMutableRawBufferPointer, completion: UnsafeMutableRawBufferPointer)? {
    guard
      let submission = unsafe pool.takeContiguous(byteCount: depth * VextSubmissionEntry.encodedByteCount)
    else { return nil }
    guard
      let completion = unsafe pool.takeContiguous(byteCount: depth * VextCompletionEntry.encodedByteCount)
    else {
      unsafe pool.deallocate(submission)
      return nil
    }
    return unsafe (submission, completion)
  }

  private func releaseMemory() {
    for id in commands.indices {
      if let list = unsafe commands[id].list { unsafe pool.deallocate(list) }
      unsafe commands[id].list = nil
    }
    if let block = unsafe wakeBlock { unsafe pool.deallocate(block) }
    unsafe pool.deallocate(reserve)
    unsafe pool.deallocate(completionRing)
    unsafe pool.deallocate(submissionRing)
  }
}

@available(*, unavailable)
extension VextClientQueue: Sendable {}

/// Names a request that was submitted to a ``VextClientQueue``, until its result is taken.
public struct VextRequestID: Hashable, Sendable {
  let index: Int32
  let generation: UInt32
}
