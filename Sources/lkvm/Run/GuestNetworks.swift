import HostSystem
import Hypervisor
import UserNetwork

/// The host's side of a guest's network cards: taps, and networks in user space.
final class GuestNetworks {
  /// The cards, for the hypervisor.
  private(set) var cards: [GuestNetwork] = []
  private var userNetworks: [UserNetwork] = []
  private var taps: [TapDevice] = []

  /// Opens all networks. If one fails, those that were opened are closed again.
  init(_ options: [NetworkOptions], guestName: String) throws {
    do {
      for (index, network) in options.enumerated() {
        let address = network.guestHardwareAddress ?? MACAddress.guestDefault(index: index)
        cards.append(
          GuestNetwork(
            ports: try open(network, name: "\(guestName)-slirp"), address: address,
            mtu: network.mtu, transport: network.transport))
      }
    } catch {
      close()
      throw LkvmFailure("--network: \(error)")
    }
  }

  private func open(_ network: NetworkOptions, name: String) throws -> [FramePort] {
    switch network.mode {
    case .user:
      let userNetwork = try UserNetwork(UserNetworkConfiguration(network), name: name)
      userNetworks.append(userNetwork)
      return [userNetwork.port]
    case .tap:
      let tap = try TapDevice(network.tap)
      taps.append(tap)
      return tap.ports
    case .none: return []
    }
  }

  /// Closes all of them, after the guest was shut down. Reports a script that fails.
  func close() {
    for network in userNetworks { network.stop() }
    for tap in taps {
      do { try tap.close() } catch { StandardError.writeWarning("--network: \(error)") }
    }
    (userNetworks, taps) = ([], [])
  }
}
