// How the device tells the driver that its CPU is needed by others (docs/vext-protocol.md §8.2). One word of the wake block,
// which the device writes and the driver reads. It is a hint: sleep and wake do not depend on it, and neither side waits
// for the other because of it.

/// The device's end of a queue's contention word. Only the thread that owns the device's side may use it.
@safe
public struct VextContentionPublisher {
  /// Bit 0: threads of the host wait for the CPUs on which the driver polls.
  public static var sharedCPU: UInt64 { 1 << 0 }

  // SAFETY: the initializer's caller promises a mapped word.
  private let word: VextSharedWords
  private var isShared = false

  /// Uses the word at `base`, 8-byte aligned, which is zero and stays mapped.
  public init(base: UnsafeMutableRawPointer) { unsafe word = VextSharedWords(base: base) }

  /// Publishes whether other threads wait for the driver's CPUs. Stores only what changed, because the driver polls the same
  /// cache line.
  public mutating func publish(isShared: Bool) {
    guard isShared != self.isShared else { return }
    self.isShared = isShared
    unsafe word.store(0, isShared ? Self.sharedCPU : 0)
  }
}

/// The driver's end of a queue's contention word. Any thread.
@safe @frozen
public struct VextContentionObserver {
  // SAFETY: the initializer's caller promises a mapped word.
  @usableFromInline let word: VextSharedWords

  /// Uses the word at `base`, 8-byte aligned, which stays mapped.
  @inlinable @inline(__always)
  public init(base: UnsafeMutableRawPointer) { unsafe word = VextSharedWords(base: base) }

  /// Whether other threads wait for the CPU on which the driver polls; the driver should then give it up.
  @inlinable @inline(__always)
  public var isShared: Bool { unsafe word.load(0) & VextContentionPublisher.sharedCPU != 0 }
}
