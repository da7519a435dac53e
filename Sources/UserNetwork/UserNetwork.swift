public import Hypervisor

/// A network in user space: DHCP, names, and a way out over TCP, UDP and, where the host allows it, ICMP echo, all with the
/// rights of this process and no others.
///
/// libslirp does the work, on the thread that calls ``serve()``.
public final class UserNetwork: Sendable {
  /// The file of libslirp, which dlopen(3) looks for.
  public static let libraryName = "libslirp.so.0"

  private let stack: SlirpStack

  /// Makes a network, and binds the ports that it forwards. The first one loads libslirp.
  ///
  /// - Parameter port: carries the guest's frames; its other end is for a network device.
  public init(_ configuration: UserNetworkConfiguration, port: FramePort) throws(UserNetworkError) {
    try configuration.check()
    stack = try SlirpStack(configuration, port: port)
  }

  /// Serves until the other end of the port is closed or the end is requested, then closes all connections. Call it once.
  public func serve() { stack.serve() }

  /// Ends ``serve()``. Any thread.
  public func requestEnd() { stack.requestEnd() }
}
