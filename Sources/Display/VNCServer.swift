import CLinux
import CVNC
import Glibc
import HostSystem
public import Hypervisor
import Synchronization
import SystemPackage

/// A VNC server for a guest's frame buffer, with a thread of its own (RFB 3.8, by libvncserver).
///
/// One thread owns it: it opens the server before the process gives up the right to do so, starts it with the guest's devices, and
/// stops it before the guest is shut down.
public final class VNCServer: Sendable {
  /// A client's connection, which the library has as another descriptor: it closes its own.
  private final class Connection: Sendable {
    let descriptor: OwnedDescriptor

    init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }
  }

  private struct State {
    var connections: [UInt64: Connection] = [:]
    var nextNumber: UInt64 = 2
    var thread: HostThread?
  }

  /// Maximum number of clients; further connections are closed.
  public static let clientLimit = 8
  /// The interval at which the frame buffer is polled while there are clients.
  private static let frameNanoseconds: UInt64 = 33_000_000
  /// Tokens of the poll. Those of clients are their numbers, which follow.
  private static let (wakeToken, listenerToken): (UInt64, UInt64) = (0, 1)

  /// The address and the port where it listens.
  public let address: IPv4Address
  /// The TCP port.
  public let port: UInt16
  private let screen: VNCScreen
  private let listener: OwnedDescriptor
  private let wake: EventDescriptor
  private let poll: EventPoll
  private let shouldEnd = Atomic<Bool>(false)
  private let state = Mutex(State())

  /// Loads libvncserver, reads the password, and listens. Nobody is answered before ``start(_:keyboard:name:)``.
  ///
  /// - Parameter name: what viewers show.
  public init(_ configuration: VNCConfiguration, mode: VideoMode, name: String) throws(DisplayError) {
    screen = try VNCScreen(mode, name: name, password: try configuration.password())
    address = configuration.address
    let place = "\(configuration.address):\(configuration.port)"
    let number = cvnc_listen(configuration.address.rawValue, configuration.port)
    guard number >= 0 else { throw .cannotListen(place, Errno(rawValue: -number)) }
    listener = OwnedDescriptor(adopting: number)
    let port = cvnc_port(number)
    guard port >= 0 else { throw .cannotListen(place, Errno(rawValue: -port)) }
    self.port = UInt16(truncatingIfNeeded: port)
    do throws(Errno) {
      wake = try EventDescriptor()
      poll = try EventPoll()
      try poll.add(descriptor: wake.rawValue, token: Self.wakeToken)
      try poll.add(descriptor: listener.rawValue, token: Self.listenerToken)
    } catch {
      throw .failed(call: "epoll", error)
    }
  }

  deinit { requestEnd() }

  /// Serves clients from now on. Once.
  ///
  /// - Parameter name: of the thread, at most 15 bytes.
  public func start(_ frameBuffer: FrameBuffer, keyboard: KeyboardController, name: String)
    throws(DisplayError)
  {
    screen.connect(to: keyboard)
    do throws(Errno) {
      let thread = try HostThread(name: name, cpus: nil, kind: .display) { self.serve(frameBuffer) }
      state.withLock { $0.thread = thread }
    } catch {
      throw .failed(call: "thread", error)
    }
  }

  /// Ends all connections, and waits for the thread's end. Twice does no harm.
  public func stop() {
    requestEnd()
    state.withLock { $0.thread }?.join()
  }

  private func requestEnd() {
    shouldEnd.store(true, ordering: .releasing)
    wake.signal()
    // The thread may wait for a client.
    state.withLock { state in
      for connection in state.connections.values {
        _ = shutdown(connection.descriptor.rawValue, Int32(SHUT_RDWR))
      }
    }
  }

  // MARK: The thread

  private func serve(_ frameBuffer: FrameBuffer) {
    var events = EventBuffer(capacity: 16)
    var nextFrame: UInt64 = 0
    while !shouldEnd.load(ordering: .acquiring) {
      let isWatched = state.withLock { !$0.connections.isEmpty }
      let timeout = isWatched ? Self.milliseconds(until: nextFrame) : -1
      guard let count = try? poll.wait(timeoutMilliseconds: timeout, into: &events) else { return }
      wake.drain()
      for index in 0..<count where events[index] == Self.listenerToken { acceptClient() }
      let now = HostClock.monotonicNanoseconds()
      if now >= nextFrame {
        // Fails only for a slot that is not there. Then the picture stays as it is.
        try? screen.show(frameBuffer)
        nextFrame = now + Self.frameNanoseconds
      }
      for number in screen.process() { remove(number) }
    }
  }

  /// The time until a moment, rounded up, because a wait that ends too early would spin.
  private static func milliseconds(until deadline: UInt64) -> Int32 {
    let now = HostClock.monotonicNanoseconds()
    return deadline > now ? Int32(clamping: (deadline - now) / 1_000_000 + 1) : 0
  }

  private func acceptClient() {
    let number = linux_socket_accept(listener.rawValue)
    guard number >= 0 else {
      // Without a free descriptor the client goes on waiting, and this thread must not spin.
      if number == -EMFILE || number == -ENFILE { HostClock.sleep(nanoseconds: 100_000_000) }
      return
    }
    let descriptor = OwnedDescriptor(adopting: number)
    let duplicate = linux_duplicate(number)
    guard duplicate >= 0 else { return }
    let connection = Connection(OwnedDescriptor(adopting: duplicate))
    let client = state.withLock { state -> UInt64? in
      guard state.connections.count < Self.clientLimit else { return nil }
      let client = state.nextNumber
      state.nextNumber += 1
      state.connections[client] = connection
      return client
    }
    guard let client else { return }
    do throws(Errno) { try poll.add(descriptor: duplicate, token: client) } catch { return remove(client) }
    if !screen.add(descriptor, number: client) { remove(client) }
  }

  private func remove(_ client: UInt64) {
    guard let connection = state.withLock({ $0.connections.removeValue(forKey: client) }) else { return }
    // Fails only for a descriptor that is not watched.
    try? poll.remove(descriptor: connection.descriptor.rawValue)
  }
}
