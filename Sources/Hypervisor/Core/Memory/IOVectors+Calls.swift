import CLinux
import HostSystem
import SystemPackage

// SAFETY: each call gets the list of an `IOVectors` with its count, or the run of an `IOVector` with its length, which their
// makers keep valid: for the calls of an engine until the request's completion was taken.

/// System calls that move bytes at once. Each returns the number of bytes, or -errno.
extension IOVectors {
  /// Reads from a file at `offset` (preadv(2)).
  func read(from descriptor: Int32, at offset: Int64) -> Int64 {
    unsafe linux_preadv(descriptor, list, Int32(clamping: count), offset)
  }

  /// Writes to a file at `offset` (pwritev(2)).
  func write(to descriptor: Int32, at offset: Int64) -> Int64 {
    unsafe linux_pwritev(descriptor, list, Int32(clamping: count), offset)
  }

  /// Writes to a file at `offset`, and returns when the bytes are on stable storage (pwritev2(2), RWF_DSYNC).
  func writeDurably(to descriptor: Int32, at offset: Int64) -> Int64 {
    unsafe linux_pwritev2(descriptor, list, Int32(clamping: count), offset, LINUX_RWF_DSYNC)
  }

  /// Reads from a device that keeps the bounds of frames (readv(2)).
  func read(from descriptor: Int32) -> Int { unsafe linux_readv(descriptor, list, Int32(clamping: count)) }

  /// Writes to a device that keeps the bounds of frames (writev(2)).
  func write(to descriptor: Int32) -> Int { unsafe linux_writev(descriptor, list, Int32(clamping: count)) }

  /// Receives a message of a socket (recvmsg(2)); the length of a longer one is returned, too.
  func receiveMessage(from descriptor: Int32) -> Int {
    unsafe linux_receive_message(descriptor, list, Int32(clamping: count))
  }

  /// Sends a message to a socket (sendmsg(2)).
  func sendMessage(to descriptor: Int32) -> Int {
    unsafe linux_send_message(descriptor, list, Int32(clamping: count))
  }
}

extension IOVector {
  /// Fills the run with a file's bytes from `offset` on (pread(2)), up to the file's end.
  ///
  /// - Returns: the number of bytes.
  func fill(from descriptor: Int32, at offset: UInt64) throws(Errno) -> Int {
    var rest = self
    while rest.byteCount > 0 {
      let position = Int64(clamping: offset &+ UInt64(byteCount - rest.byteCount))
      let count = try check(unsafe linux_pread(descriptor, rest.base, rest.byteCount, position))
      if count == 0 { break }
      rest.removeFirst(count)
    }
    return byteCount - rest.byteCount
  }

  /// Writes the run to a file from `offset` on (pwrite(2)).
  func write(to descriptor: Int32, at offset: Int64) throws(Errno) {
    var rest = self
    var position = offset
    while rest.byteCount > 0 {
      let count = try check(unsafe linux_pwrite(descriptor, rest.base, rest.byteCount, position))
      rest.removeFirst(count)
      position &+= Int64(count)
    }
  }
}

/// Transfers of the engine `libaio`; the parameters are those of `AIOContext`'s own calls.
extension AIOContext {
  @inline(__always)
  mutating func enqueueRead(
    descriptor: Int32, vectors: IOVectors, offset: UInt64, token: UInt64, signals: Bool
  ) {
    unsafe enqueueRead(
      descriptor: descriptor, vectors: vectors.list, vectorCount: vectors.count, offset: offset, token: token,
      signals: signals)
  }

  @inline(__always)
  mutating func enqueueWrite(
    descriptor: Int32, vectors: IOVectors, offset: UInt64, token: UInt64, isDurable: Bool = false,
    signals: Bool
  ) {
    unsafe enqueueWrite(
      descriptor: descriptor, vectors: vectors.list, vectorCount: vectors.count, offset: offset, token: token,
      isDurable: isDurable, signals: signals)
  }
}

/// Transfers of the engine `io_uring`; the parameters are those of `IOUring`'s own calls.
extension IOUring {
  @inline(__always)
  mutating func enqueue(
    _ direction: Direction, file: IOUringFile, vectors: IOVectors, offset: UInt64, token: UInt64
  ) {
    unsafe enqueue(
      direction, file: file, vectors: vectors.list, vectorCount: vectors.count, offset: offset, token: token)
  }

  /// - Returns: false, and enqueues nothing, for a run that is empty or longer than 4 GiB.
  @inline(__always)
  mutating func enqueue(
    _ direction: Direction, file: IOUringFile, run: IOVector, offset: UInt64, registeredAt buffer: Int?,
    token: UInt64
  ) -> Bool {
    guard let base = unsafe run.base, let byteCount = UInt32(exactly: run.byteCount) else { return false }
    unsafe enqueue(
      direction, file: file, base: base, byteCount: byteCount, offset: offset, registeredAt: buffer,
      token: token)
    return true
  }

  /// Registers a run that stays mapped as long as the ring lives.
  mutating func register(_ run: IOVector, at index: Int) throws(Errno) {
    guard let base = unsafe run.base else { throw .invalidArgument }
    try unsafe registerBuffer(base, byteCount: run.byteCount, at: index)
  }
}
