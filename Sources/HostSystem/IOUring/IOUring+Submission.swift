import CLinux
import CURing

extension IOUring {
  /// Which way the bytes go.
  @frozen
  public enum Direction: Sendable {
    /// From the file to memory.
    case read
    /// From memory to the file.
    case write
    /// From memory to the file, complete when it is on stable storage (`RWF_DSYNC`).
    case durableWrite

    @inlinable @inline(__always)
    var flags: UInt32 {
      switch self {
      case .read, .write: 0
      case .durableWrite: UInt32(CURING_RWF_DSYNC)
      }
    }

    @inlinable @inline(__always)
    func operation(reading: io_uring_op, writing: io_uring_op) -> io_uring_op {
      switch self {
      case .read: reading
      case .write, .durableWrite: writing
      }
    }
  }

  /// What becomes of a range of a file.
  @frozen
  public enum RangeChange: Sendable {
    /// Its blocks are given back; it reads as zeroes.
    case punchHole
    /// It reads as zeroes and keeps its blocks.
    case zero

    @inlinable @inline(__always)
    var mode: UInt32 {
      switch self {
      case .punchHole: UInt32(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)
      case .zero: UInt32(FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE)
      }
    }
  }

  /// Enqueues a transfer of several runs of memory (IORING_OP_READV, IORING_OP_WRITEV); needs ``room``.
  ///
  /// - Parameters:
  ///   - vectors: Where the bytes are. The list and its memory stay until the completion was reaped.
  ///   - vectorCount: At most 1024 (`UIO_MAXIOV`).
  ///   - offset: In bytes from the start of the file; below 2^63.
  ///   - token: What the completion carries.
  @inlinable
  public mutating func enqueue(
    _ direction: Direction, file: IOUringFile, vectors: UnsafePointer<iovec>, vectorCount: Int,
    offset: UInt64,
    token: UInt64
  ) {
    enqueue(
      direction.operation(reading: IORING_OP_READV, writing: IORING_OP_WRITEV), file,
      address: UInt64(UInt(bitPattern: vectors)), length: UInt32(truncatingIfNeeded: vectorCount),
      offset: offset, operationFlags: direction.flags, token: token)
  }

  /// Enqueues a transfer of one run of memory (IORING_OP_READ and so on); needs ``room``. Parameters as above.
  ///
  /// - Parameters:
  ///   - base: Stays until the completion was reaped.
  ///   - registeredAt: Where a registered buffer is that holds the whole run, or nil.
  @inlinable
  public mutating func enqueue(
    _ direction: Direction, file: IOUringFile, base: UnsafeMutableRawPointer, byteCount: UInt32,
    offset: UInt64,
    registeredAt buffer: Int?, token: UInt64
  ) {
    let operation =
      buffer == nil
      ? direction.operation(reading: IORING_OP_READ, writing: IORING_OP_WRITE)
      : direction.operation(reading: IORING_OP_READ_FIXED, writing: IORING_OP_WRITE_FIXED)
    enqueue(
      operation, file, address: UInt64(UInt(bitPattern: base)), length: byteCount, offset: offset,
      operationFlags: direction.flags, buffer: UInt16(truncatingIfNeeded: buffer ?? 0), token: token)
  }

  /// Enqueues a flush of the file's data (IORING_OP_FSYNC, IORING_FSYNC_DATASYNC); needs ``room``.
  ///
  /// It covers the writes that were completed before it was submitted, not those in flight beside it.
  @inlinable
  public mutating func enqueueFlush(file: IOUringFile, token: UInt64) {
    enqueue(
      IORING_OP_FSYNC, file, address: 0, length: 0, offset: 0,
      operationFlags: UInt32(IORING_FSYNC_DATASYNC), token: token)
  }

  /// Enqueues a change of a range (IORING_OP_FALLOCATE), which a thread of the kernel's carries out; needs ``room``. Its
  /// result is 0, not the number of bytes.
  @inlinable
  public mutating func enqueueRange(
    _ change: RangeChange, file: IOUringFile, offset: UInt64, byteCount: UInt64, token: UInt64
  ) {
    // The entry has the length in place of the address, and the mode in place of the length (io_uring_enter(2)).
    enqueue(
      IORING_OP_FALLOCATE, file, address: byteCount, length: change.mode, offset: offset, operationFlags: 0,
      token: token)
  }

  @inlinable @inline(__always)
  mutating func enqueue(
    _ operation: io_uring_op, _ file: IOUringFile, address: UInt64, length: UInt32, offset: UInt64,
    operationFlags: UInt32, buffer: UInt16 = 0, token: UInt64
  ) {
    precondition(room > 0, "a ring takes no more requests than its capacity")
    append(
      UInt8(truncatingIfNeeded: operation.rawValue), file, address: address, length: length, offset: offset,
      operationFlags: operationFlags, buffer: buffer, token: token)
  }
}
