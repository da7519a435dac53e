import CFuse
import Glibc
import HostSystem
import SystemPackage

// SAFETY: numbers of fixed width alone, as WireStructure asks; CFuse fills what it answers with, padding included.
extension fuse_in_header: WireStructure {}
extension fuse_init_in: WireStructure {}
extension fuse_read_in: WireStructure {}
extension fuse_write_in: WireStructure {}
extension fuse_create_in: WireStructure {}
extension cfuse_created: WireStructure {}
extension cfuse_statx_out: WireStructure {}

/// A session of libfuse (`struct fuse_session`), and the messages to the kernel that libfuse cannot make.
///
/// ``receive(into:)`` may be called by many threads at once; one thread mounts and unmounts.
@safe
final class FuseConnection: @unchecked Sendable {
  // SAFETY: `init` makes the session and `deinit` destroys it. The connection keeps the dispatch, which is the session's user data.
  // Strings and structures are passed for the duration of a call.
  private let session: OpaquePointer
  private let dispatch: FuseDispatch

  /// Makes a session. Throws `ENOMEM`, or `EINVAL` for options that libfuse refuses.
  ///
  /// - Parameter arguments: Those of a command line.
  init(_ dispatch: FuseDispatch, arguments words: [String]) throws(Errno) {
    cfuse_silence()
    var arguments = unsafe fuse_args()
    defer { unsafe fuse_opt_free_args(&arguments) }
    for word in words {
      guard unsafe word.withCString({ unsafe fuse_opt_add_arg(&arguments, $0) }) == 0 else { throw .noMemory }
    }
    var operations = FuseDispatch.operations
    guard
      let session = unsafe fuse_session_new(
        &arguments, &operations, MemoryLayout<fuse_lowlevel_ops>.size,
        Unmanaged.passUnretained(dispatch).toOpaque())
    else { throw .invalidArgument }
    unsafe self.session = unsafe session
    self.dispatch = dispatch
  }

  deinit { unsafe fuse_session_destroy(session) }

  /// Mounts the file system. Throws what libfuse left in errno, which may be 0.
  func mount(at path: String) throws(Errno) {
    errno = 0
    try checkErrno(unsafe path.withCString { unsafe fuse_session_mount(session, $0) })
  }

  /// Lets the kernel read ahead farther than its 128 KiB, which only root may change. Before INIT, which answers with the limit.
  static func setReadahead(_ path: String, byteCount: Int) {
    // Without it sequential reads through the cache are slower.
    _ = unsafe path.withCString { unsafe cfuse_set_readahead($0, UInt32(clamping: byteCount >> 10)) }
  }

  /// Lets every answer of a mounted session take what ``FuseInitNegotiation`` adds. Throws `ENOMEM`.
  func amendAnswers() throws(Errno) {
    guard unsafe cfuse_send_through(session, Self.send) == 0 else { throw .noMemory }
  }

  func unmount() { unsafe fuse_session_unmount(session) }

  /// The descriptor of /dev/fuse; -1 before the mount.
  var descriptor: Int32 { unsafe fuse_session_fd(session) }

  /// Marks the session as ended.
  func exit() { unsafe fuse_session_exit(session) }

  var hasExited: Bool { unsafe fuse_session_exited(session) != 0 }

  /// Waits for a request. Returns its length, or a negative errno.
  ///
  /// - Parameter memory: As long as libfuse's own buffer: a page more than the longest write.
  func receive(into memory: BlockMemory) -> Int {
    precondition(
      memory.count >= ServingResources.transferByteCount + 4096, "the buffer holds the longest request")
    var received = unsafe fuse_buf()
    unsafe received.mem = unsafe memory.unsafeBytes.baseAddress
    return unsafe Int(fuse_session_receive_buf(session, &received))
  }

  /// Lets libfuse call the function for a request.
  func process(_ message: BlockMemory) {
    var received = unsafe fuse_buf()
    unsafe received.mem = unsafe message.unsafeBytes.baseAddress
    unsafe received.size = message.count
    unsafe fuse_session_process_buf(session, &received)
  }

  /// Sends an answer that libfuse has made, the way that its request came. `context` is the dispatch.
  private static let send:
    @convention(c) (Int32, UnsafeMutablePointer<iovec>?, Int32, UnsafeMutableRawPointer?) -> Int =
      { device, parts, count, context in
        guard let context = unsafe context, let parts = unsafe parts else { return -1 }
        let dispatch = unsafe Unmanaged<FuseDispatch>.fromOpaque(context).takeUnretainedValue()
        let negotiation = dispatch.server.negotiation
        guard let number = negotiation.pendingNumber,
          let answer = unsafe cfuse_init_answer(parts, count, number)
        else { return unsafe cfuse_send(device, dispatch.thread?.ring?.slot, parts, count) }
        unsafe negotiation.amend(&answer.pointee)
        defer { negotiation.finish() }
        return unsafe cfuse_send(device, nil, parts, count)
      }

  // MARK: Calls that need no session

  /// Asks the kernel to unmount. Throws `EBUSY` if the file system is in use.
  static func requestUnmount(_ path: String) throws(Errno) {
    try check(unsafe path.withCString { unsafe cfuse_umount($0, 0) })
  }

  /// Ends the connection: requests fail, those that wait too.
  static func abort(_ path: String) {
    // It fails for a file system that is in use or gone, and has ended the connection nevertheless.
    _ = unsafe path.withCString { unsafe cfuse_abort($0) }
  }

  /// Answers a request past libfuse, the way that it came. False if the kernel has given the request up.
  static func answer(
    _ device: Int32, _ ring: FuseRing?, unique: UInt64, error: Errno?, _ bytes: Span<UInt8>
  ) -> Bool {
    unsafe bytes.withUnsafeBytes { bytes in
      unsafe cfuse_answer(
        device, ring?.slot, unique, -(error?.rawValue ?? 0), bytes.baseAddress, bytes.count) == 0
    }
  }

  /// The answer to CREATE and TMPFILE.
  static func created(_ entry: fuse_entry_param, file: UInt64, flags: UInt32) -> cfuse_created {
    var entry = entry
    return unsafe cfuse_created_of(&entry, file, flags)
  }

  /// The answer to STATX.
  static func statistics(_ attributes: stat, birth: timespec?, validSeconds: UInt64) -> cfuse_statx_out {
    var attributes = attributes
    guard var birth else { return unsafe cfuse_statx_of(&attributes, nil, validSeconds) }
    return unsafe cfuse_statx_of(&attributes, &birth, validSeconds)
  }

  // MARK: Processes

  /// The version of libfuse that runs; nil if it does not say.
  static var libraryVersion: String? {
    guard let text = unsafe fuse_pkgversion() else { return nil }
    return unsafe String(cString: text)
  }

  /// Continues in a second process, and returns the end of its pipe to the first, which waits.
  static func continueInBackground() throws(Errno) -> Int32 {
    var pipe: Int32 = -1
    try check(unsafe cfuse_fork(&pipe))
    return pipe
  }

  /// Writes a line to standard error and to the system log.
  static func report(_ text: String) { unsafe text.withCString { unsafe cfuse_report($0) } }
}
