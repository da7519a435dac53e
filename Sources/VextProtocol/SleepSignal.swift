import Synchronization

// How the two sides of a queue wake each other (docs/vext-protocol.md §8.1). Each side has one word in the wake block,
// which it alone writes: an epoch that is odd while the side sleeps, or is about to.
//
//   sleeper                                   waker
//   epoch = odd       (store)                 entry        (release store)
//   ------------ full fence ------------      ------------ full fence ------------
//   is there an entry?  (load)                is the epoch odd?  (load)
//   no: sleep                                 odd, and not yet woken for: wake
//
// The waker may put off its fence and load while it has other things to do (VextSleepObserver.confirmWake).
//
// One of the two loads sees the other side's store, so that no wake-up is lost. An epoch is woken for once: the
// sleeper looks again under a new epoch before it sleeps again.

/// The sleeping side's end of its word. Only the thread that owns the side may use it.
@safe @frozen
public struct VextSleepPublisher {
  // SAFETY: the initializer's caller promises a mapped word.
  @usableFromInline let word: VextSharedWords
  @usableFromInline var epoch: UInt64 = 0

  /// Uses the word at `base`, 8-byte aligned, which is zero and stays mapped.
  @inlinable @inline(__always)
  public init(base: UnsafeMutableRawPointer) { unsafe word = VextSharedWords(base: base) }

  /// Continues after an owner that has ended, whose epoch the other side may have woken for: with a greater one.
  ///
  /// - Parameter base: as for ``init(base:)``, except that the word has the ended owner's value.
  @inlinable
  public init(continuing base: UnsafeMutableRawPointer) {
    unsafe word = VextSharedWords(base: base)
    epoch = unsafe word.load(0) | 1
    withdraw()
  }

  /// Whether the other side has been asked to wake this one.
  @inlinable @inline(__always)
  public var isPublished: Bool { epoch & 1 == 1 }

  /// Asks the other side to wake this one.
  ///
  /// The caller must poll once more before it sleeps. This call makes the fence in between, which pairs with the fence in
  /// ``VextSleepObserver/confirmWake()``.
  @inlinable @inline(__always)
  public mutating func publish() {
    if isPublished { return }
    epoch &+= 1
    unsafe word.store(0, epoch)
    atomicMemoryFence(ordering: .sequentiallyConsistent)
  }

  /// Tells the other side that this one is awake. The other side may see it late.
  @inlinable @inline(__always)
  public mutating func withdraw() {
    guard isPublished else { return }
    epoch &+= 1
    unsafe word.store(0, epoch)
  }
}

/// The waking side's end of the other side's word. Only the thread that owns the side may use it.
@safe @frozen
public struct VextSleepObserver {
  // SAFETY: the initializer's caller promises a mapped word.
  @usableFromInline let word: VextSharedWords
  @usableFromInline var wokenEpoch: UInt64 = 0
  /// Whether an entry was announced after the last check with a fence.
  @usableFromInline var needsFencedCheck = false

  /// Uses the word at `base`, 8-byte aligned, which stays mapped.
  @inlinable @inline(__always)
  public init(base: UnsafeMutableRawPointer) { unsafe word = VextSharedWords(base: base) }

  /// Call after entries were announced. Returns whether to wake the other side: true once for each of its sleeps.
  ///
  /// ``confirmWake()`` must follow as soon as there is no other work, and in any case soon. A side that goes to sleep at
  /// the same moment may go unseen here, because there is no fence, which would cost as much as the rest of a short
  /// request.
  @inlinable @inline(__always)
  public mutating func noteAnnouncement() -> Bool {
    needsFencedCheck = true
    return seesNewSleep()
  }

  /// Checks again, with a fence, if entries were announced since the last check. Returns whether to wake the other side.
  ///
  /// The fence pairs with the one in ``VextSleepPublisher/publish()``.
  @inlinable @inline(__always)
  public mutating func confirmWake() -> Bool {
    guard needsFencedCheck else { return false }
    needsFencedCheck = false
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    return seesNewSleep()
  }

  @inlinable @inline(__always)
  mutating func seesNewSleep() -> Bool {
    let epoch = unsafe word.load(0)
    guard epoch & 1 == 1, epoch != wokenEpoch else { return false }
    wokenEpoch = epoch
    return true
  }
}

/// The layout of a queue's wake block: each word has its own cache line.
public enum VextWakeBlock {
  /// Size of the block in bytes; it starts at a multiple of 64.
  public static let byteCount: UInt64 = 128
  /// Offset of the device's word: whether its I/O thread sleeps.
  public static let deviceOffset = 0
  /// Offset of the contention word, which the device writes: whether the driver's CPUs are needed by others.
  public static let contentionOffset = 8
  /// Offset of the driver's word: whether the driver wants an interrupt.
  public static let driverOffset = 64
}
