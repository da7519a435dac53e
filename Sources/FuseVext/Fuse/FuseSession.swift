import CFuse
import HostSystem
import Synchronization
import SystemPackage

/// A mounted file system: libfuse's session and the server that answers it.
///
/// ``serve(on:)`` may be called by many threads at once; one thread mounts and unmounts.
final class FuseSession: @unchecked Sendable {
  private let connection: FuseConnection
  private let dispatch: FuseDispatch
  private let server: FuseServer
  private let mountPoint: String
  private let gate = ReceiveGate()
  private var isMounted = false

  /// A session that is not mounted yet.
  ///
  /// - Parameter options: What mount(8) would get after `-o`.
  init(server: FuseServer, mountPoint: String, options: [String]) throws(MountFailure) {
    self.server = server
    self.mountPoint = mountPoint
    do throws(Errno) {
      dispatch = try FuseDispatch(server)
    } catch {
      throw .fuse("threads: \(error)")
    }
    let text = options.joined(separator: ",")
    do throws(Errno) {
      connection = try FuseConnection(dispatch, arguments: ["fuse-vext", "-o", text])
    } catch {
      throw error == .noMemory ? .fuse("not enough memory") : .usage("mount options refused: \(text)")
    }
  }

  deinit { unmount() }

  /// Mounts the file system; requests wait until a thread receives them.
  func mount() throws(MountFailure) {
    do throws(Errno) {
      try connection.mount(at: mountPoint)
    } catch {
      throw .fuse("\(mountPoint): mount refused\(error.rawValue == 0 ? "" : ": \(error)")")
    }
    isMounted = true
    server.device.store(connection.descriptor, ordering: .relaxed)
    FuseConnection.setReadahead(mountPoint, byteCount: FuseServer.readaheadByteCount)
    // Before anybody receives the first request, INIT.
    do throws(Errno) {
      try connection.amendAnswers()
    } catch {
      unmount()
      throw .fuse("not enough memory")
    }
  }

  /// Unmounts the file system, even while programs use it.
  func unmount() {
    guard isMounted else { return }
    isMounted = false
    connection.unmount()
  }

  /// Asks the kernel to unmount while requests are still answered. Throws `EBUSY` if the file system is in use.
  func requestUnmount() throws(Errno) { try FuseConnection.requestUnmount(mountPoint) }

  /// The descriptor of /dev/fuse while the file system is mounted.
  var descriptor: Int32 { connection.descriptor }

  /// Lets ``serve(on:)`` return from now on; a thread that waits in it must be interrupted.
  func end() {
    connection.exit()
    gate.close()
    server.negotiation.finish()
  }

  /// Answers requests until the end of the session.
  ///
  /// A thread without a ring reads them from /dev/fuse: INIT, and what never comes by rings, FORGET and INTERRUPT. So does one
  /// with a ring if the kernel refuses that.
  func serve(on thread: ServingThread) {
    dispatch.serving(on: thread) {
      if let ring = thread.ring {
        server.negotiation.waitUntilFinished()
        if server.negotiation.flags.contains(.overIOURing) { serve(ring, on: thread) }
      }
      thread.useOwnMessage()
      while receive(on: thread) {}
      server.negotiation.finish()
    }
  }

  /// Answers requests that come by the thread's ring, as long as the kernel uses it.
  private func serve(_ ring: FuseRing, on thread: ServingThread) {
    defer { ring.close() }
    do throws(Errno) {
      try ring.start()
    } catch {
      // The kernel would wait for the ring, and so would every user of the mount.
      return FuseConnection.abort(mountPoint)
    }
    while !connection.hasExited {
      switch ring.receive() {
      case .request(let message, let place):
        thread.use(place)
        process(message, on: thread)
        ring.finish()
      case .nothing: break
      case .end: return
      }
    }
  }

  /// Waits for a request at /dev/fuse and answers it. False at the end of the session.
  private func receive(on thread: ServingThread) -> Bool {
    guard gate.enter(), !connection.hasExited else { return false }
    let memory = thread.message.received
    let count = connection.receive(into: memory)
    gate.leave()
    if count > 0 {
      process(memory.slice(0, count), on: thread)
      return true
    }
    if count == -Int(Errno.interrupted.rawValue)
      || count == -Int(Errno.resourceTemporarilyUnavailable.rawValue)
    {
      return true
    }
    gate.close()
    return false
  }

  private func process(_ message: BlockMemory, on thread: ServingThread) {
    if let request = KernelRequest(message, device: connection.descriptor, ring: thread.ring),
      server.answer(request, thread)
    {
      return
    }
    connection.process(message)
  }
}
