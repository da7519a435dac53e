public import CLinux
import Glibc
import HostSystem
import SystemPackage

/// A run of memory of this process in the form of system calls for vectored I/O: guest RAM, or a buffer.
///
/// It may be guest RAM, which the guest changes at the same time: bytes are copied in or out and never referred to. A vector does
/// not keep its memory, as a file descriptor's number does not keep the file.
@safe
public struct IOVector: BitwiseCopyable, @unchecked Sendable {
  // SAFETY: the vector's maker has checked that the run is mapped, and its owner outlives the vector: the ``GuestMemory`` of a
  // device lives until the device has no request in flight, and a ``HostBuffer`` belongs to the object that uses its vectors.
  private var raw: iovec

  /// Wraps a run of memory that stays mapped as long as the vector is in use.
  @unsafe @inline(__always)
  public init(base: UnsafeMutableRawPointer?, byteCount: Int) {
    unsafe raw = unsafe iovec(iov_base: base, iov_len: base == nil ? 0 : byteCount)
  }

  @inline(__always)
  fileprivate init(_ raw: iovec) { unsafe self.raw = unsafe raw }

  /// No bytes.
  @inline(__always)
  public init() { unsafe raw = unsafe iovec() }

  /// Number of bytes.
  @inline(__always)
  public var byteCount: Int { unsafe raw.iov_len }

  /// The first byte's address; only to compare it with others, or for the kernel.
  @inline(__always)
  var address: UInt { unsafe UInt(bitPattern: raw.iov_base) }

  /// The first byte, for the calls of this folder.
  @unsafe @inline(__always)
  var base: UnsafeMutableRawPointer? { unsafe raw.iov_base }

  @inline(__always)
  fileprivate var encoded: iovec { unsafe raw }

  /// Removes `count` bytes, or all, from the start.
  @inline(__always)
  mutating func removeFirst(_ count: Int) {
    let count = Swift.max(0, Swift.min(count, byteCount))
    // Without a branch: where there is no memory, the count is zero.
    unsafe raw.iov_base = UnsafeMutableRawPointer(bitPattern: address &+ UInt(count))
    unsafe raw.iov_len &-= count
  }

  /// Removes the last byte and returns it as a vector; an empty one if there is none.
  @inline(__always)
  mutating func popLast() -> IOVector {
    guard byteCount > 0 else { return IOVector() }
    unsafe raw.iov_len &-= 1
    return unsafe IOVector(
      base: UnsafeMutableRawPointer(bitPattern: address &+ UInt(raw.iov_len)), byteCount: 1)
  }

  /// The `count` bytes from `offset` on, or those of them that are here.
  @inline(__always)
  func part(from offset: Int, byteCount count: Int) -> IOVector {
    var part = self
    part.removeFirst(offset)
    unsafe part.raw.iov_len = unsafe Swift.max(0, Swift.min(count, part.raw.iov_len))
    return part
  }

  /// Stores a byte at the start, if there is room.
  @inline(__always)
  func store(_ byte: UInt8) {
    guard byteCount > 0 else { return }
    unsafe raw.iov_base?.storeBytes(of: byte, as: UInt8.self)
  }

  /// Copies the first bytes to those of `words` from byte `done` on, and removes them.
  ///
  /// - Returns: the number of bytes, as many as are here and have room.
  @inline(__always)
  mutating func move(to words: inout (UInt64, UInt64), from done: Int) -> Int {
    let count = Swift.min(byteCount, 16 &- done)
    guard done >= 0, count > 0, let source = unsafe raw.iov_base else { return 0 }
    unsafe withUnsafeMutableBytes(of: &words) { target in
      guard let target = target.baseAddress else { return }
      // SAFETY: `count` bytes are here, and `done + count` is at most 16.
      unsafe (target + done).copyMemory(from: source, byteCount: count)
    }
    removeFirst(count)
    return count
  }

  /// Copies `bytes`, or as many of them as have room.
  func store(_ bytes: Span<UInt8>) {
    unsafe bytes.withUnsafeBytes { source in
      guard let target = unsafe raw.iov_base, let first = source.baseAddress else { return }
      unsafe target.copyMemory(from: first, byteCount: Swift.min(source.count, byteCount))
    }
  }

  /// Copies the first bytes to `target`, as many as have room there. The runs may overlap.
  @inline(__always)
  func copy(to target: IOVector) {
    guard let source = unsafe raw.iov_base, let target = unsafe target.prefix(byteCount) else { return }
    unsafe _ = memmove(target.start, source, target.count)
  }

  /// Starts to fetch the first `limit` bytes into the CPU's caches, or as many as are here.
  @inline(__always)
  func prefetch(_ limit: Int) { unsafe linux_prefetch(raw.iov_base, Swift.min(limit, byteCount)) }

  /// Fills it with zeroes.
  @inline(__always)
  func zero() {
    guard let start = unsafe raw.iov_base else { return }
    unsafe _ = memset(start, 0, byteCount)
  }

  /// The bytes, copied.
  var bytes: [UInt8] { unsafe [UInt8](UnsafeRawBufferPointer(start: raw.iov_base, count: byteCount)) }

  @inline(__always)
  private func prefix(_ limit: Int) -> (start: UnsafeMutableRawPointer, count: Int)? {
    guard let start = unsafe raw.iov_base else { return nil }
    return unsafe (start, Swift.min(limit, byteCount))
  }
}

/// Memory in pieces, in order: the data of one request.
///
/// Like its vectors it does not keep the memory, nor the list of them.
@safe
public struct IOVectors: BitwiseCopyable, @unchecked Sendable {
  // SAFETY: the maker's list has `count` vectors. It belongs to a ``FixedTable`` of the object that starts the request, which
  // ends after the request; each access is checked against `count`.
  private let start: UnsafeMutablePointer<iovec>
  /// Number of pieces.
  public let count: Int

  /// Wraps `count` vectors that stay valid as long as the value is in use, with their memory.
  @unsafe @inline(__always)
  public init(_ start: UnsafeMutablePointer<iovec>, count: Int) {
    unsafe self.start = unsafe start
    self.count = count
  }

  /// No pieces.
  @inline(__always)
  public init() {
    // An address that nobody reads, because no access to an empty list passes the check.
    unsafe self.init(
      UnsafeMutablePointer(bitPattern: MemoryLayout<iovec>.alignment).unsafelyUnwrapped, count: 0)
  }

  /// The list, for the calls of this folder.
  @unsafe @inline(__always)
  var list: UnsafeMutablePointer<iovec> { unsafe start }

  /// Piece `index`.
  @inline(__always)
  public subscript(index: Int) -> IOVector {
    get {
      precondition(index >= 0 && index < count, "a piece of the list")
      return unsafe IOVector(start[index])
    }
    nonmutating set {
      precondition(index >= 0 && index < count, "a piece of the list")
      unsafe start[index] = unsafe newValue.encoded
    }
  }

  /// The pieces of `range`.
  @inline(__always)
  func part(_ range: Range<Int>) -> IOVectors {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "pieces of the list")
    return unsafe IOVectors(start + range.lowerBound, count: range.count)
  }

  /// Number of bytes of all pieces.
  var byteCount: Int {
    var total = 0
    for index in 0..<count { total &+= self[index].byteCount }
    return total
  }

  /// Calls `body` for each run of the `byteCount` bytes from `offset` on, with the number of bytes before it.
  ///
  /// Stops early if the pieces end.
  ///
  /// - Returns: the number of bytes of all runs.
  @inline(__always)
  func forEachRun(
    from offset: Int, byteCount: Int, _ body: (_ run: IOVector, _ done: Int) -> Void
  ) -> Int {
    var skip = Swift.max(0, offset)
    var done = 0
    for index in 0..<count where done < byteCount {
      let piece = self[index]
      guard skip < piece.byteCount else {
        skip -= piece.byteCount
        continue
      }
      let run = piece.part(from: skip, byteCount: byteCount - done)
      body(run, done)
      done += run.byteCount
      skip = 0
    }
    return done
  }

  /// Copies at most `limit` bytes from `offset` on; fewer if the pieces end before.
  func read(_ limit: Int, at offset: Int = 0) -> [UInt8] {
    let room = Swift.min(limit, byteCount)
    guard room > 0 else { return [] }
    return [UInt8](capacity: room) { output in
      _ = forEachRun(from: offset, byteCount: room) { run, _ in
        unsafe output.withUnsafeMutableBufferPointer { buffer, initialized in
          guard let source = unsafe run.base, let target = buffer.baseAddress else { return }
          // SAFETY: all runs together have at most `room` bytes, the capacity.
          unsafe UnsafeMutableRawPointer(target + initialized).copyMemory(
            from: source, byteCount: run.byteCount)
          initialized += run.byteCount
        }
      }
    }
  }

  /// Copies `bytes` to the pieces from `offset` on, as many as fit.
  ///
  /// - Returns: the number of copied bytes.
  @discardableResult
  func write(_ bytes: Span<UInt8>, at offset: Int = 0) -> Int {
    forEachRun(from: offset, byteCount: bytes.count) { run, done in
      run.store(bytes.extracting(done..<done + run.byteCount))
    }
  }
}

// MARK: - System calls

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
