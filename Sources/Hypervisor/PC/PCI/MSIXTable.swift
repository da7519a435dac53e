import Synchronization
public import SystemPackage

/// A function's MSI-X table and pending bits (PCI Local Bus 3.0 §6.8.2).
///
/// ```
/// BAR offset 0:                 vectorCount entries of 16 bytes: address low, address high, data, control (bit 0: mask)
/// BAR offset pendingOffset:     one bit a vector, in 64-bit words, read-only
/// ```
///
/// vCPU threads read and write it, I/O threads raise.
public final class MSIXTable: Sendable {
  /// Offset of the pending bits.
  public static let pendingOffset: UInt64 = 0x800
  /// Size of the BAR that holds the table.
  public static let barByteCount: UInt32 = 0x1000
  /// Maximum number of vectors in this layout.
  public static let vectorLimit = Int(pendingOffset) / 16

  private struct Entry {
    var words: (UInt32, UInt32, UInt32) = (0, 0, 0)
    var isMasked = true
  }

  private struct State {
    var entries: [Entry]
    var isEnabled = false
    var isFunctionMasked = false
  }

  private let state: Mutex<State>
  private let enabled = Atomic<Bool>(false)
  private let vectors: [MSIXVector]
  /// Whether another process may signal the vectors' eventfds.
  let isShared: Bool

  /// Makes a table of `vectorCount` masked vectors, 1 to ``vectorLimit``, each with its own route.
  ///
  /// - Parameter isShared: whether another process may signal the eventfds of `eventDescriptor(of:)`.
  public init(
    vectorCount: Int, router: any MessageInterruptRouter, isShared: Bool = false
  ) throws(Errno) {
    guard (1...Self.vectorLimit).contains(vectorCount) else { throw .invalidArgument }
    var vectors: [MSIXVector] = []
    for _ in 0..<vectorCount { vectors.append(try MSIXVector(router: router, isShared: isShared)) }
    self.vectors = vectors
    self.isShared = isShared
    self.state = Mutex(State(entries: [Entry](repeating: Entry(), count: vectorCount)))
  }

  /// The number of vectors.
  public var vectorCount: Int { vectors.count }

  /// Whether the guest enabled MSI-X, so that no interrupt goes through the pin. Any thread; takes no lock.
  public var isEnabled: Bool { enabled.load(ordering: .acquiring) }

  /// Fires `vector`, or marks it pending while it is masked. Any thread; takes no lock.
  ///
  /// Ignores a vector that does not exist (FFFFh: none).
  public func raise(_ vector: UInt16) {
    guard Int(vector) < vectors.count else { return }
    vectors[Int(vector)].raise()
  }

  /// The eventfd that fires `vector`, for another process; the table must have been made for that.
  func eventDescriptor(of vector: Int) -> Int32 { vectors[vector].eventDescriptor }

  /// Reads 4 or 8 aligned bytes of the BAR.
  public func read(offset: UInt64, byteCount: Int) -> UInt64 {
    guard byteCount == 4 || byteCount == 8, offset % UInt64(byteCount) == 0, offset < Self.barByteCount else {
      return 0
    }
    if byteCount == 8 { return UInt64(readWord(offset)) | UInt64(readWord(offset + 4)) << 32 }
    return UInt64(readWord(offset))
  }

  /// Writes 4 or 8 aligned bytes of the BAR; the pending bits ignore it.
  public func write(offset: UInt64, byteCount: Int, value: UInt64) {
    guard byteCount == 4 || byteCount == 8, offset % UInt64(byteCount) == 0 else { return }
    writeWord(offset, UInt32(truncatingIfNeeded: value))
    if byteCount == 8 { writeWord(offset + 4, UInt32(truncatingIfNeeded: value >> 32)) }
  }

  func setControl(enabled: Bool, masked: Bool) {
    state.withLock { state in
      guard state.isEnabled != enabled || state.isFunctionMasked != masked else { return }
      state.isEnabled = enabled
      self.enabled.store(enabled, ordering: .releasing)
      state.isFunctionMasked = masked
      for index in vectors.indices { apply(state, index) }
    }
  }

  private func readWord(_ offset: UInt64) -> UInt32 {
    if offset >= Self.pendingOffset {
      let first = (offset - Self.pendingOffset) * 8
      return (0..<32).reduce(0) { word, bit in
        let index = first + UInt64(bit)
        return index < UInt64(vectors.count) && vectors[Int(index)].isPending ? word | 1 << UInt32(bit) : word
      }
    }
    let index = Int(offset / 16)
    guard index < vectors.count else { return 0 }
    let entry = state.withLock { $0.entries[index] }
    switch offset % 16 {
    case 0: return entry.words.0
    case 4: return entry.words.1
    case 8: return entry.words.2
    default: return entry.isMasked ? 1 : 0
    }
  }

  private func writeWord(_ offset: UInt64, _ value: UInt32) {
    let index = Int(offset / 16)
    guard offset < Self.pendingOffset, index < vectors.count else { return }
    state.withLock { state in
      switch offset % 16 {
      case 0: state.entries[index].words.0 = value
      case 4: state.entries[index].words.1 = value
      case 8: state.entries[index].words.2 = value
      default: state.entries[index].isMasked = value & 1 != 0
      }
      apply(state, index)
    }
  }

  /// Updates a vector's route and mask from the table.
  ///
  /// Runs under the lock, so that messages and masks reach the router in the order of the guest's writes.
  private func apply(_ state: State, _ index: Int) {
    let entry = state.entries[index]
    let isLive = state.isEnabled && !state.isFunctionMasked && !entry.isMasked
    guard isLive else { return vectors[index].setDeliverable(false) }
    let address = UInt64(entry.words.0) | UInt64(entry.words.1) << 32
    do {
      try vectors[index].setMessage(InterruptMessage(address: address, data: entry.words.2))
      vectors[index].setDeliverable(true)
    } catch {
      // KVM refused the guest's message (an address outside of the interrupt window): the vector delivers nothing.
      vectors[index].setDeliverable(false)
    }
  }
}
