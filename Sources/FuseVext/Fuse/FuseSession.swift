import CFuse
import Glibc
import HostSystem
import Synchronization
import SystemPackage

/// A mounted file system: libfuse's session and the server that answers it.
///
/// ``receive(into:on:)`` may be called by many threads at once.
@safe
final class FuseSession: @unchecked Sendable {
  private let session: OpaquePointer
  private let server: FuseServer
  private let mountPoint: String
  private let gate = ReceiveGate()
  private var isMounted = false

  /// What receives requests: libfuse reads a page more than the longest write. The header of a WRITE ends, and its payload
  /// begins, at the end of the first page.
  static let receiveByteCount = Worker.transferByteCount + 3 * 4096
  private static let receiveOffset =
    4096 - (MemoryLayout<fuse_in_header>.size + MemoryLayout<fuse_write_in>.size)

  /// A session that is not mounted yet.
  ///
  /// - Parameter options: What mount(8) would get after `-o`.
  init(server: FuseServer, mountPoint: String, options: [String]) throws(MountFailure) {
    self.server = server
    self.mountPoint = mountPoint
    cfuse_silence()
    var arguments = unsafe fuse_args()
    defer { unsafe fuse_opt_free_args(&arguments) }
    for argument in ["fuse-vext", "-o", options.joined(separator: ",")] {
      guard unsafe argument.withCString({ unsafe fuse_opt_add_arg(&arguments, $0) }) == 0 else {
        throw .fuse("not enough memory")
      }
    }
    var operations = FuseServer.operations
    guard
      let session = unsafe fuse_session_new(
        &arguments, &operations, MemoryLayout<fuse_lowlevel_ops>.size,
        Unmanaged.passUnretained(server).toOpaque())
    else { throw .usage("mount options refused: \(options.joined(separator: ","))") }
    unsafe self.session = unsafe session
  }

  deinit {
    unmount()
    unsafe fuse_session_destroy(session)
  }

  /// Mounts the file system; requests wait until a thread receives them.
  func mount() throws(MountFailure) {
    errno = 0
    let result = unsafe mountPoint.withCString { unsafe fuse_session_mount(session, $0) }
    guard result == 0 else {
      let error = errno
      throw .fuse("\(mountPoint): mount refused\(error == 0 ? "" : ": \(Errno(rawValue: error))")")
    }
    isMounted = true
    unsafe server.device.store(fuse_session_fd(session), ordering: .relaxed)
    // Before anybody receives the first request, INIT.
    guard unsafe cfuse_send_through(session, FuseServer.send) == 0 else {
      unmount()
      throw .fuse("not enough memory")
    }
  }

  /// Takes the file system away, from under those who use it too.
  func unmount() {
    guard isMounted else { return }
    isMounted = false
    unsafe fuse_session_unmount(session)
  }

  /// Asks the kernel to unmount while requests are still answered. Throws `EBUSY` if the file system is in use.
  func requestUnmount() throws(Errno) {
    let result = unsafe mountPoint.withCString { unsafe cfuse_umount($0, 0) }
    try check(result)
  }

  /// Lets ``receive(into:on:)`` return false from now on; a thread that waits in it must be interrupted.
  func end() {
    unsafe fuse_session_exit(session)
    gate.close()
  }

  /// Waits for a request and answers it. False at the end of the session.
  func receive(into buffer: BlockBuffer, on thread: ServingThread) -> Bool {
    guard gate.enter(), unsafe fuse_session_exited(session) == 0 else { return false }
    var received = unsafe fuse_buf()
    unsafe received.mem = unsafe buffer.base + Self.receiveOffset
    let count = unsafe fuse_session_receive_buf(session, &received)
    gate.leave()
    if count > 0 {
      let message = unsafe UnsafeRawBufferPointer(start: received.mem, count: Int(count))
      if let request = unsafe KernelRequest(message, device: fuse_session_fd(session)),
        server.answer(request, thread)
      {
        return true
      }
      unsafe fuse_session_process_buf(session, &received)
      return true
    }
    if count == -EINTR || count == -EAGAIN { return true }
    gate.close()
    return false
  }

  /// Lends the calling thread what its requests need.
  func adopt(_ thread: ServingThread) { server.adopt(thread) }
}
