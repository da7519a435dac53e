public import HostSystem
public import Hypervisor
import SystemPackage

/// A network in user space: DHCP, names, and a way out over TCP, UDP and, where the host allows it, ICMP echo, all with the
/// rights of this process and no others.
///
/// libslirp does the work, on a thread of its own; frames go over ``port``.
public final class UserNetwork: Sendable {
  /// The guest's end, for a network device.
  public let port: FramePort
  /// The network's thread, for its CPU time and its affinity.
  public let thread: HostThread
  private let stack: SlirpStack

  /// Loads libslirp, which the first network would do otherwise: before the process gives up the right to read it.
  public static func loadLibrary() throws(UserNetworkError) { _ = try SlirpLibrary.shared() }

  /// Starts a network.
  ///
  /// - Parameter name: of the thread, at most 15 bytes; by custom NAME-slirp.
  public init(_ configuration: UserNetworkConfiguration, name: String, cpus: CPUSet? = nil)
    throws(UserNetworkError)
  {
    try configuration.check()
    let ends: (port: FramePort, peer: FramePort)
    do { ends = try FramePort.socketPair() } catch { throw .failed(call: "socketpair", error) }
    let stack = try SlirpStack(configuration, port: ends.peer)
    do {
      thread = try HostThread(name: name, cpus: cpus, kind: .network) { stack.serve() }
    } catch {
      // Nobody serves it: this thread lets go of it.
      stack.requestEnd()
      stack.serve()
      throw .failed(call: "thread", error)
    }
    self.stack = stack
    port = ends.port
  }

  deinit { stack.requestEnd() }

  /// Closes all connections and waits for the thread's end. Twice does no harm.
  public func stop() {
    stack.requestEnd()
    thread.join()
  }
}
