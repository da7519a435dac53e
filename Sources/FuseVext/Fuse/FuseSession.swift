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

  /// What receives requests: libfuse reads a page more than the longest write. The header of a WRITE ends, and its payload
  /// begins, at the end of the first page.
  static let receiveByteCount = ServingResources.transferByteCount + 3 * 4096
  private static let receiveOffset = 4096 - (fuse_in_header.byteCount + fuse_write_in.byteCount)

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
    // Before anybody receives the first request, INIT.
    do throws(Errno) {
      try connection.amendAnswers()
    } catch {
      unmount()
      throw .fuse("not enough memory")
    }
  }

  /// Takes the file system away, from under those who use it too.
  func unmount() {
    guard isMounted else { return }
    isMounted = false
    connection.unmount()
  }

  /// Asks the kernel to unmount while requests are still answered. Throws `EBUSY` if the file system is in use.
  func requestUnmount() throws(Errno) { try FuseConnection.requestUnmount(mountPoint) }

  /// Lets ``serve(on:)`` return from now on; a thread that waits in it must be interrupted.
  func end() {
    connection.exit()
    gate.close()
  }

  /// Answers requests until the end of the session.
  func serve(on thread: ServingThread) {
    let offset = Self.receiveOffset
    let memory = thread.receiveBuffer.slice(offset, thread.receiveBuffer.byteCount - offset)
    dispatch.serving(on: thread) {
      while receive(into: memory, on: thread) {}
    }
  }

  /// Waits for a request and answers it. False at the end of the session.
  private func receive(into memory: BlockMemory, on thread: ServingThread) -> Bool {
    guard gate.enter(), !connection.hasExited else { return false }
    let count = connection.receive(into: memory)
    gate.leave()
    if count > 0 {
      let message = memory.slice(0, count)
      if let request = KernelRequest(message, device: connection.descriptor), server.answer(request, thread) {
        return true
      }
      connection.process(message)
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
}
