public import CLinux
import Glibc
public import HostSystem
public import SystemPackage

/// What became of a request that was started.
@frozen
public enum BlockStart {
  /// Done: the bytes moved, or -errno.
  case finished(Int64)
  /// Under way: ``BlockEngine/reap()`` will return it.
  case pending
}

/// Moves bytes between disks and memory on behalf of one I/O thread, which is the only one that may call it.
///
/// Discard and write-zeroes are fallocate calls that the I/O thread makes itself, in every engine but `null`:
/// Linux has no asynchronous form of them outside io_uring.
public struct BlockEngine: ~Copyable {
  /// Which engine this is.
  public let kind: BlockEngineKind
  /// Requests under way.
  public private(set) var inFlight = 0
  private var context: AIOContext?

  /// An engine for up to `capacity` requests under way.
  ///
  /// - Parameter completionEvent: an eventfd that is signalled when a pending request completes.
  public init(kind: BlockEngineKind, capacity: Int, completionEvent: Int32? = nil) throws(Errno) {
    self.kind = kind
    self.context =
      switch kind {
      case .libaio: try AIOContext(capacity: capacity, eventDescriptor: completionEvent)
      case .sync, .null: nil
      }
  }

  /// How many more requests ``start(_:on:vectors:vectorCount:offset:byteCount:token:)`` takes now.
  public var room: Int {
    switch context {
    case .some(let context): context.room
    case nil: .max
    }
  }

  /// Starts one request. Needs ``room``.
  ///
  /// - Parameters:
  ///   - vectors: host memory of the data; vectors and memory stay valid until the request is done.
  ///   - byteCount: bytes of the vectors together, or of the range to discard or zero.
  ///   - token: returned by ``reap()`` where the request is pending.
  public mutating func start(
    _ operation: BlockOperation, on disk: DiskHandle, vectors: UnsafePointer<iovec>, vectorCount: Int,
    offset: UInt64, byteCount: UInt64, token: UInt64
  ) -> BlockStart {
    switch kind {
    case .null: return .finished(Int64(byteCount))
    case .sync:
      return unsafe .finished(
        Self.perform(
          operation, on: disk, vectors: vectors, vectorCount: vectorCount, offset: offset, byteCount: byteCount))
    case .libaio: break
    }
    switch operation {
    case .read:
      unsafe context?.enqueueRead(
        descriptor: disk.descriptor, vectors: vectors, vectorCount: vectorCount, offset: offset, token: token)
    case .write:
      unsafe context?.enqueueWrite(
        descriptor: disk.descriptor, vectors: vectors, vectorCount: vectorCount, offset: offset, token: token)
    case .flush: context?.enqueueFlush(descriptor: disk.descriptor, token: token)
    case .discard, .writeZeroes:
      return unsafe .finished(
        Self.perform(
          operation, on: disk, vectors: vectors, vectorCount: vectorCount, offset: offset, byteCount: byteCount))
    }
    inFlight &+= 1
    return .pending
  }

  /// Hands the requests started since the last call to the kernel, in one system call.
  public mutating func submit() {
    if kind == .libaio && inFlight > 0 { context?.submit() }
  }

  /// The next request that is done, without a system call, or nil.
  public mutating func reap() -> AIOCompletion? {
    guard inFlight > 0, let completion = context?.reap() else { return nil }
    inFlight &-= 1
    return completion
  }

  private static func perform(
    _ operation: BlockOperation, on disk: DiskHandle, vectors: UnsafePointer<iovec>, vectorCount: Int,
    offset: UInt64, byteCount: UInt64
  ) -> Int64 {
    let position = off_t(truncatingIfNeeded: offset)
    let length = off_t(truncatingIfNeeded: byteCount)
    while true {
      let result: Int =
        switch operation {
        case .read: unsafe preadv(disk.descriptor, vectors, Int32(vectorCount), position)
        case .write: unsafe pwritev(disk.descriptor, vectors, Int32(vectorCount), position)
        case .flush: Int(fdatasync(disk.descriptor))
        case .discard: Int(linux_punch_hole(disk.descriptor, position, length))
        case .writeZeroes: Int(linux_zero_range(disk.descriptor, position, length))
        }
      if result >= 0 { return operation.movesBytes ? Int64(result) : Int64(byteCount) }
      // The shims return -errno, the calls of Glibc set it.
      let error = operation == .discard || operation == .writeZeroes ? Int32(-result) : errno
      if error != EINTR { return -Int64(error) }
    }
  }
}

extension BlockOperation {
  var movesBytes: Bool {
    switch self {
    case .read, .write: true
    case .flush, .discard, .writeZeroes: false
    }
  }
}
