import CLinux
import SystemPackage

/// System calls on an open descriptor that fill or read memory, in Swift's terms.
///
/// Any thread. What the calls block on is what read(2), recv(2) and so on block on.
enum DescriptorCalls {
  // SAFETY: in every function below, each pointer is into an array or a variable of this frame, and comes with its length. The
  // kernel keeps none beyond the call.

  // MARK: Files

  /// One read of at most `byteLimit` bytes; none at the end.
  static func read(_ descriptor: Int32, byteLimit: Int) throws(Errno) -> [UInt8] {
    try unsafe filled(byteLimit) { unsafe linux_read(descriptor, $0.baseAddress, $0.count) }
  }

  /// All bytes from the file's position on, up to its end or to `byteLimit`.
  static func readToEnd(_ descriptor: Int32, byteLimit: Int = .max) throws(Errno) -> [UInt8] {
    var contents: [UInt8] = []
    while contents.count < byteLimit {
      let chunk = try read(descriptor, byteLimit: min(byteLimit - contents.count, 65_536))
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

  /// By which the open file is recognized under all its names.
  static func identity(of descriptor: Int32) throws(Errno) -> linux_file_identity {
    var identity = linux_file_identity()
    try check(unsafe linux_file_identity_of(descriptor, &identity))
    return identity
  }

  /// The status of the open file, which may be open as a path only (`O_PATH`).
  static func status(of descriptor: Int32) throws(Errno) -> linux_file_status {
    var status = linux_file_status()
    try check(unsafe linux_status_at(descriptor, "", &status))
    return status
  }

  /// Waits on an epoll and replaces the first tokens by those of its events; returns their number, or -errno. Allocates nothing.
  static func waitForEvents(_ poll: Int32, _ tokens: inout [UInt64], timeoutMilliseconds: Int32) -> Int32 {
    unsafe tokens.withUnsafeMutableBufferPointer {
      unsafe linux_epoll_wait(poll, $0.baseAddress, Int32(clamping: $0.count), timeoutMilliseconds)
    }
  }

  // MARK: Sockets

  /// What has come, at most `byteLimit` bytes; none at the end.
  static func receive(_ descriptor: Int32, byteLimit: Int) throws(Errno) -> [UInt8] {
    try unsafe filled(byteLimit) { unsafe linux_socket_receive(descriptor, $0.baseAddress, $0.count) }
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

  /// Receives one packet, or what has come of a stream. The caller owns the descriptors, which may have come with a packet that is an error otherwise.
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

  /// The bytes that `fill` has written; it returns how many, or -errno.
  private static func filled(
    _ byteLimit: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Int
  ) throws(Errno) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: byteLimit)
    let count = try check(unsafe bytes.withUnsafeMutableBytes { unsafe fill($0) })
    bytes.removeLast(byteLimit - count)
    return bytes
  }
}
