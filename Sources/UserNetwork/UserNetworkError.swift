public import Hypervisor
public import SystemPackage

/// Why there is no network in user space, in a sentence.
public enum UserNetworkError: Error, Equatable, CustomStringConvertible, Sendable {
  /// No mask of a network with room for three addresses.
  case invalidNetmask(IPv4Address)
  /// An address that is not one of the network's.
  case outsideNetwork(IPv4Address, network: IPv4Address, netmask: IPv4Address)
  /// Two of them are one.
  case sameAddress(guest: IPv4Address, host: IPv4Address, nameServer: IPv4Address)
  /// libslirp cannot be loaded; the loader's words.
  case noLibrary(String)
  /// libslirp made none.
  case refused
  /// The host's port cannot be had.
  case cannotForward(PortForward, Errno)
  /// A call of the system failed.
  case failed(call: String, Errno)

  /// One line for a person.
  public var description: String {
    switch self {
    case .invalidNetmask(let mask): "netmask \(mask): not ones, then at least two zeros"
    case .outsideNetwork(let address, let network, let mask):
      "address \(address) is not one of a machine in \(network), netmask \(mask)"
    case .sameAddress(let guest, let host, let nameServer):
      "guest \(guest), host \(host) and name server \(nameServer) must have different addresses"
    case .noLibrary(let reason): "libslirp, package libslirp0: \(reason)"
    case .refused: "libslirp refuses the configuration"
    case .cannotForward(let forward, let errno):
      "hostfwd \(forward.transport) \(forward.hostAddress):\(forward.hostPort): \(errno)"
    case .failed(let call, let errno): "\(call): \(errno)"
    }
  }
}
