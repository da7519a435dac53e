import CFuse
import HostSystem
import Synchronization

/// Flags of FUSE's INIT, which the kernel offers and the server's answer takes (linux/fuse.h, `FUSE_` of `flags` and, from
/// bit 32 on, of `flags2`).
struct KernelFlags: OptionSet, Equatable {
  let rawValue: UInt64

  /// `FUSE_INIT_EXT` (Linux 5.17): `flags2` counts.
  static let extended = KernelFlags(rawValue: 1 << 30)
  /// `FUSE_DIRECT_IO_ALLOW_MMAP` (Linux 6.6): files that are open with `FOPEN_DIRECT_IO` can be mapped shared, and direct
  /// requests write back and drop the pages that they meet.
  static let directIOAllowsMapping = KernelFlags(rawValue: 1 << 36)

  /// `FUSE_OVER_IO_URING` (Linux 6.14): after the answer to INIT requests wait until each CPU's queue has a place for one.
  static let overIOURing = KernelFlags(rawValue: 1 << 41)
}

/// Negotiates the flags of FUSE's INIT that libfuse 3.14 does not know, by entering them into libfuse's answer.
///
/// The kernel sends no other request before that answer.
final class FuseInitNegotiation: Sendable {
  /// The flags that this server accepts and for which libfuse 3.14 has no name.
  private let wanted: KernelFlags
  /// The request's number; 0 when no INIT waits for its answer.
  private let pending = Atomic<UInt64>(0)
  private let offered = Atomic<UInt64>(0)
  private let agreed = Atomic<UInt64>(0)
  /// Whether INIT was answered, or will not be.
  private let finished = Monitor(false)

  /// - Parameter usesRings: Whether threads wait to serve requests that come by rings.
  init(usesRings: Bool = false) {
    wanted = usesRings ? [.directIOAllowsMapping, .overIOURing] : .directIOAllowsMapping
  }

  /// The flags that the answer took, as far as libfuse does not know them.
  var flags: KernelFlags { KernelFlags(rawValue: agreed.load(ordering: .relaxed)) }

  /// Records the flags that an INIT offers.
  func receive(_ message: fuse_init_in, number: UInt64) {
    var flags = KernelFlags(rawValue: UInt64(message.flags))
    if flags.contains(.extended) { flags.formUnion(KernelFlags(rawValue: UInt64(message.flags2) << 32)) }
    offered.store(flags.rawValue, ordering: .relaxed)
    pending.store(number, ordering: .relaxed)
  }

  /// The number of the INIT that waits for its answer, if there is one.
  var pendingNumber: UInt64? {
    let number = pending.load(ordering: .relaxed)
    return number == 0 ? nil : number
  }

  /// Adds what is wanted and was offered to libfuse's answer.
  func amend(_ answer: inout fuse_init_out) {
    pending.store(0, ordering: .relaxed)
    var taken = wanted.intersection(KernelFlags(rawValue: offered.load(ordering: .relaxed)))
    agreed.store(taken.rawValue, ordering: .relaxed)
    if taken.rawValue >> 32 != 0 { taken.insert(.extended) }
    answer.flags |= UInt32(truncatingIfNeeded: taken.rawValue)
    answer.flags2 |= UInt32(taken.rawValue >> 32)
  }

  /// Call when the answer was sent, and when there will be none.
  func finish() {
    finished.withLock { $0 = true }
    finished.wakeAll()
  }

  /// Waits until ``finish()`` was called.
  func waitUntilFinished() { finished.withLock(waitingWhile: { !$0 }) { _ in } }
}

extension FuseServer {
  /// Lets the kernel ask for an inode's attributes again.
  ///
  /// Takes no lock of the kernel that a request holds. A kernel that does not know the inode has nothing to forget.
  func forgetAttributes(of node: fuse_ino_t) {
    _ = cfuse_forget_attributes(device.load(ordering: .relaxed), node)
  }
}
