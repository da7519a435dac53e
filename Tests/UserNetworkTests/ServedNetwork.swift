import HostSystem
import Hypervisor
import UserNetwork

/// A network in user space on a thread of the test's process, and the guest's end of it.
final class ServedNetwork: Sendable {
  let port: FramePort
  private let network: UserNetwork
  private let thread: HostThread

  init(_ configuration: UserNetworkConfiguration, name: String) throws {
    let ends = try FramePort.socketPair()
    let network = try UserNetwork(configuration, port: ends.peer)
    thread = try HostThread(name: name, cpus: nil) { network.serve() }
    self.network = network
    port = ends.port
  }

  /// Closes all connections and waits for the thread's end. Twice does no harm.
  func stop() {
    network.requestEnd()
    thread.join()
  }

  deinit { network.requestEnd() }
}
