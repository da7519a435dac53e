import VextProtocol

/// The two rings of a queue in guest memory, as the device uses them.
@safe
struct GuestRings {
  // SAFETY: `init` found that both rings lie in RAM; a position's index is less than the depth. A ring's end keeps the memory as
  // little as these do: the queue that uses it has the ``GuestMemory`` from its validator.
  private let submissionRing: UnsafeMutableRawPointer
  private let completionRing: UnsafeMutableRawPointer
  private let depth: UInt32

  /// Finds the rings.
  ///
  /// - Returns: nil unless both lie wholly in RAM and are 64-byte aligned, and the depth is a power of two.
  init?(_ setup: VextQueueSetup, in map: GuestMemoryMap) {
    let (submissions, completions) = setup.rings
    guard setup.depth.nonzeroBitCount == 1, setup.depth <= VextDevice.maxQueueDepth,
      submissions.address.isAligned(to: 64), completions.address.isAligned(to: 64),
      let submissionRing = unsafe map.hostPointer(submissions.address, byteCount: submissions.byteCount),
      let completionRing = unsafe map.hostPointer(completions.address, byteCount: completions.byteCount)
    else { return nil }
    unsafe self.submissionRing = unsafe submissionRing
    unsafe self.completionRing = unsafe completionRing
    depth = setup.depth
  }

  /// The submission ring from `position` on, by default from its start.
  func submissions(from position: VextRingPosition? = nil) -> VextSubmissionConsumer {
    unsafe VextSubmissionConsumer(ring: submissionRing, position: checked(position))
  }

  /// The completion ring from `position` on, by default from its start.
  func completions(from position: VextRingPosition? = nil) -> VextCompletionProducer {
    unsafe VextCompletionProducer(ring: completionRing, position: checked(position))
  }

  /// The last word of each completion, which announces it.
  func announcements() -> [UInt64] {
    let words = unsafe VextSharedWords(base: completionRing)
    return (0..<Int(depth)).map { unsafe words.loadAcquiring($0 &* 2 &+ 1) }
  }

  private func checked(_ position: VextRingPosition?) -> VextRingPosition {
    let position = position ?? VextRingPosition(depth: depth)
    precondition(position.mask == depth &- 1 && position.index < depth, "a position of these rings")
    return position
  }
}

/// The wake block of a queue in guest memory (docs/vext-protocol.md §8.1).
@safe
struct GuestWakeBlock {
  // SAFETY: `init` found that the block lies in RAM, which the queue that uses it keeps.
  private let block: UnsafeMutableRawPointer

  /// Finds the block.
  ///
  /// - Returns: nil unless it lies wholly in RAM and is 64-byte aligned.
  init?(at address: GuestAddress, in map: GuestMemoryMap) {
    guard address.isAligned(to: 64),
      let block = unsafe map.hostPointer(address, byteCount: VextWakeBlock.byteCount)
    else { return nil }
    unsafe self.block = unsafe block
  }

  /// The device's word.
  ///
  /// - Parameter continues: whether another device served the queue before, which has ended.
  func publisher(continues: Bool) -> VextSleepPublisher {
    let word = unsafe block + VextWakeBlock.deviceOffset
    return unsafe continues ? VextSleepPublisher(continuing: word) : VextSleepPublisher(base: word)
  }

  /// The contention word, which counts as zero.
  func contention() -> VextContentionPublisher {
    unsafe VextContentionPublisher(base: block + VextWakeBlock.contentionOffset)
  }

  /// The driver's word.
  func observer() -> VextSleepObserver { unsafe VextSleepObserver(base: block + VextWakeBlock.driverOffset) }
}
