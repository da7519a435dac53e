import CLinux
import SystemPackage

/// Calls on a descriptor whose memory is a span, an array or a variable, so that no call can leave its bounds. Any thread.
// SAFETY: each call gets the address and the length of a span, a buffer or a variable, which lives until the call returns.
package enum DescriptorBytes {
  /// Reads at most as many bytes as `target` has (read(2)); repeats a call that a signal interrupted.
  ///
  /// - Returns: the number of bytes; 0 at the end of the file.
  package static func read(_ descriptor: Int32, into target: inout MutableSpan<UInt8>) throws(Errno) -> Int {
    let result = unsafe target.withUnsafeMutableBufferPointer { buffer -> Int in
      guard let base = buffer.baseAddress else { return 0 }
      return unsafe linux_read(descriptor, base, buffer.count)
    }
    return try check(result)
  }

  /// Reads at most as many bytes as `target` has from `offset` on (pread(2)); repeats a call that a signal interrupted.
  ///
  /// - Returns: the number of bytes; 0 at the end of the file.
  package static func read(
    _ descriptor: Int32, into target: inout MutableSpan<UInt8>, at offset: Int64
  ) throws(Errno) -> Int {
    let result = unsafe target.withUnsafeMutableBufferPointer { buffer -> Int in
      guard let base = buffer.baseAddress else { return 0 }
      return unsafe linux_pread(descriptor, base, buffer.count, offset)
    }
    return try check(result)
  }

  /// Reads at most `limit` bytes (read(2)); empty at the end of the file.
  package static func read(_ descriptor: Int32, limit: Int) throws(Errno) -> [UInt8] {
    try unsafe bytes(limit: limit) { unsafe linux_read(descriptor, $0, $1) }
  }

  /// Reads at most `limit` bytes from `offset` on (pread(2)); empty at the end of the file.
  package static func read(_ descriptor: Int32, limit: Int, at offset: Int64) throws(Errno) -> [UInt8] {
    try unsafe bytes(limit: limit) { unsafe linux_pread(descriptor, $0, $1, offset) }
  }

  /// Writes `bytes`, or the first of them (write(2)); repeats a call that a signal interrupted.
  ///
  /// - Returns: the number of bytes that were written.
  package static func write(_ descriptor: Int32, _ bytes: Span<UInt8>) throws(Errno) -> Int {
    let result = unsafe bytes.withUnsafeBufferPointer { buffer -> Int in
      guard let base = buffer.baseAddress else { return 0 }
      return unsafe linux_write(descriptor, base, buffer.count)
    }
    return try check(result)
  }

  /// Writes `bytes`, or the first of them, without waiting for the other end. EAGAIN if it takes none now.
  ///
  /// - Returns: the number of bytes that were written.
  package static func writeIfReady(_ descriptor: Int32, _ bytes: Span<UInt8>) throws(Errno) -> Int {
    let result = unsafe bytes.withUnsafeBufferPointer { buffer in
      unsafe linux_write_if_ready(descriptor, buffer.baseAddress, buffer.count)
    }
    return try check(result)
  }

  /// At most `limit` bytes of the kernel's random numbers (getrandom(2)); none on a kernel without the call.
  package static func random(limit: Int) -> [UInt8] {
    // A failure is an empty source, which the caller passes on as such.
    (try? unsafe bytes(limit: limit) { unsafe linux_random($0, $1) }) ?? []
  }

  /// All bytes from the file's position on, up to its end or to `byteLimit`.
  static func readToEnd(_ descriptor: Int32, byteLimit: Int = .max) throws(Errno) -> [UInt8] {
    var contents: [UInt8] = []
    while contents.count < byteLimit {
      let chunk = try read(descriptor, limit: min(byteLimit - contents.count, 65_536))
      if chunk.isEmpty { break }
      contents += chunk
    }
    return contents
  }

  /// The alignment that O_DIRECT demands, in bytes; nil if the kernel does not say.
  static func directAlignment(of descriptor: Int32) throws(Errno) -> (memory: UInt32, offset: UInt32)? {
    var (memory, offset): (UInt32, UInt32) = (0, 0)
    let isKnown = try check(unsafe linux_direct_alignment(descriptor, &memory, &offset))
    return isKnown == 1 ? (memory, offset) : nil
  }

  /// Waits on an epoll and replaces the first tokens by those of its events; returns their number, or -errno. Allocates nothing.
  static func waitForEvents(_ poll: Int32, _ tokens: inout [UInt64], timeoutMilliseconds: Int32) -> Int32 {
    unsafe tokens.withUnsafeMutableBufferPointer {
      unsafe linux_epoll_wait(poll, $0.baseAddress, Int32(clamping: $0.count), timeoutMilliseconds)
    }
  }

  /// Limits a counter of a tracepoint to passages that fulfil `filter`. EINVAL if the tracepoint's fields do not allow it.
  static func setTracepointFilter(_ counter: Int32, _ filter: String) throws(Errno) {
    try check(unsafe filter.withCString { unsafe linux_tracepoint_set_filter(counter, $0) })
  }

  // MARK: Sockets

  /// What has come, at most `byteLimit` bytes; none at the end.
  static func receive(_ descriptor: Int32, byteLimit: Int) throws(Errno) -> [UInt8] {
    try unsafe bytes(limit: byteLimit) { unsafe linux_socket_receive(descriptor, $0, $1) }
  }

  /// Sends as many of `bytes` as there is room for, and returns how many.
  static func send(_ descriptor: Int32, _ bytes: ArraySlice<UInt8>) throws(Errno) -> Int {
    try check(unsafe bytes.withUnsafeBytes { unsafe linux_socket_send(descriptor, $0.baseAddress, $0.count) })
  }

  /// Sends one packet, or as much of a stream as there is room for, with copies of `descriptors`; returns how many bytes, or -errno.
  static func send(_ descriptor: Int32, _ bytes: ArraySlice<UInt8>, descriptors: [Int32]) -> Int {
    unsafe bytes.withUnsafeBytes { bytes in
      unsafe descriptors.withUnsafeBufferPointer { numbers in
        unsafe linux_packet_send(
          descriptor, bytes.baseAddress, bytes.count, numbers.baseAddress, Int32(clamping: numbers.count))
      }
    }
  }

  /// Both ends of a stream.
  static func streamPair() throws(Errno) -> (first: Int32, second: Int32) {
    var (first, second): (Int32, Int32) = (-1, -1)
    try check(unsafe linux_stream_pair(&first, &second))
    return (first, second)
  }

  /// Receives one packet, or what has come of a stream. The caller owns the descriptors, which may have come with a packet that is an
  /// error otherwise.
  static func receivePacket(
    _ descriptor: Int32, byteLimit: Int
  ) -> (bytes: [UInt8], descriptors: [Int32], result: Int) {
    var numbers = [Int32](repeating: -1, count: PacketSocket.descriptorLimit)
    var bytes = [UInt8](repeating: 0, count: byteLimit)
    var count: Int32 = 0
    let result = unsafe bytes.withUnsafeMutableBytes { bytes in
      unsafe numbers.withUnsafeMutableBufferPointer { numbers in
        unsafe linux_packet_receive(descriptor, bytes.baseAddress, bytes.count, numbers.baseAddress, &count)
      }
    }
    numbers.removeLast(numbers.count - Int(count))
    bytes.removeLast(bytes.count - max(0, Int(result)))
    return (bytes, numbers, Int(result))
  }

  /// The process at the other end of a Unix socket, when it connected.
  static func peer(of descriptor: Int32) throws(Errno) -> (process: Int32, user: UInt32, group: UInt32) {
    var (process, user, group): (Int32, UInt32, UInt32) = (0, 0, 0)
    try check(unsafe linux_peer_credentials(descriptor, &process, &user, &group))
    return (process, user, group)
  }

  /// That process's supplementary groups; none if there are more than `limit`.
  static func peerGroups(of descriptor: Int32, limit: Int) -> [UInt32] {
    var groups = [UInt32](repeating: 0, count: limit)
    let count = unsafe groups.withUnsafeMutableBufferPointer {
      unsafe linux_peer_groups(descriptor, $0.baseAddress, Int32(clamping: $0.count))
    }
    return Array(groups.prefix(max(0, Int(count))))
  }

  // MARK: -

  /// The bytes that `fill` writes to a buffer of `limit` bytes.
  ///
  /// - Parameter fill: a system call, which returns the number of bytes or -errno.
  @unsafe
  static func bytes(
    limit: Int, _ fill: (UnsafeMutablePointer<UInt8>, Int) -> Int
  ) throws(Errno) -> [UInt8] {
    guard limit > 0 else { return [] }
    var result = 0
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
      guard let base = buffer.baseAddress else { return }
      // SAFETY: the buffer has room for `limit` bytes, of which the kernel writes `result`.
      result = unsafe fill(base, limit)
      count = max(0, min(result, limit))
    }
    try check(result)
    return bytes
  }
}

extension Span<UInt8> {
  /// The bytes as an array.
  package var array: [UInt8] { unsafe withUnsafeBufferPointer { unsafe Array($0) } }

  /// Number of bytes before the first `byte`; all bytes if there is none.
  package func count(before byte: UInt8) -> Int {
    unsafe withUnsafeBufferPointer { bytes in
      guard let base = bytes.baseAddress else { return 0 }
      return unsafe linux_index_of_byte(base, bytes.count, byte)
    }
  }

  /// Number of bytes up to and including the last `byte`; 0 if there is none.
  package func count(throughLast byte: UInt8) -> Int {
    unsafe withUnsafeBufferPointer { bytes in
      guard let base = bytes.baseAddress else { return 0 }
      return unsafe linux_index_behind_last_byte(base, bytes.count, byte)
    }
  }
}
