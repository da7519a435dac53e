import HostSystem
import Hypervisor
import UserNetwork

/// The host's side of a guest's network cards: taps, and the processes of networks in user space.
final class GuestNetworks {
  /// The cards, for the hypervisor.
  private(set) var cards: [GuestNetwork] = []
  private let processes: [NetworkProcess]
  private var taps: [TapDevice] = []

  /// Makes the processes of networks in user space. A process that may fail begins at once; the others begin when the guest runs, because
  /// its start needs the CPUs.
  static func startProcesses(_ options: RunSettings, user: JailUser?) throws(LkvmFailure) -> [NetworkProcess]
  {
    var processes: [NetworkProcess] = []
    for network in GuestPlan.networks(options) where network.mode == .user {
      let process = try NetworkProcess(network, policy: options.machine.sandboxPolicy, user: user)
      if !process.mayBeginLate { try process.begin() }
      processes.append(process)
    }
    return processes
  }

  /// Opens all networks. If one fails, those that were opened are closed again.
  ///
  /// - Parameter processes: one for each network in user space, in order.
  init(_ options: [NetworkOptions], processes: [NetworkProcess]) throws {
    self.processes = processes
    var waiting = processes[...]
    do {
      for (index, network) in options.enumerated() {
        let address = network.guestHardwareAddress ?? MACAddress.guestDefault(index: index)
        cards.append(
          GuestNetwork(
            ports: try open(network, &waiting), address: address,
            mtu: network.mtu, transport: network.transport, usesVhost: network.usesVhost))
      }
    } catch {
      close()
      throw error as? LkvmFailure ?? LkvmFailure("--network: \(error)")
    }
  }

  private func open(
    _ network: NetworkOptions, _ waiting: inout ArraySlice<NetworkProcess>
  ) throws -> [FramePort] {
    switch network.mode {
    case .user:
      guard let process = waiting.popFirst() else { return [] }
      if !process.mayBeginLate { try process.waitUntilReady() }
      return [process.port]
    case .tap:
      let tap = try TapDevice(network.tap)
      taps.append(tap)
      return tap.ports
    case .none: return []
    }
  }

  /// Lets the networks in user space that wait get ready; does not block.
  func begin() throws(LkvmFailure) {
    for process in processes { try process.begin() }
  }

  /// When a network in user space must have answered, in nanoseconds of `HostClock`; nil if none is waited for.
  var deadline: UInt64? { processes.compactMap(\.deadline).min() }

  /// Throws if a network in user space has not answered although its time is over `now`.
  func checkDeadlines(_ now: UInt64) throws(LkvmFailure) {
    for process in processes {
      if let deadline = process.deadline, deadline <= now { try process.waitUntilReady() }
    }
  }

  /// Closes all of them, after the guest was shut down. Reports a script that fails.
  func close() {
    for process in processes { process.stop() }
    for tap in taps {
      do { try tap.close() } catch { StandardError.writeWarning("--network: \(error)") }
    }
    taps = []
  }

  /// What tells of the processes of networks in user space, by their order.
  var channelDescriptors: [Int32] { processes.map(\.channelDescriptor) }

  /// Takes what the process has to say whose descriptor is readable.
  ///
  /// - Returns: whether it is there; false if it has ended.
  /// - Throws: why the network never came to be.
  func isStillThere(_ index: Int) throws(LkvmFailure) -> Bool {
    guard processes[index].deadline != nil else { return false }
    try processes[index].waitUntilReady()
    return true
  }
}

extension NetworkOptions {
  /// Whether lkvm runs a program of the user's for the card.
  var runsScripts: Bool { mode == .tap && (script != nil || downScript != nil) }
}

extension GuestPlan {
  /// The network cards that the options ask for, in order.
  static func networks(_ options: RunSettings) -> [NetworkOptions] {
    guard !options.devices.network.isEmpty else {
      return options.kernel.nodefaults ? [] : [NetworkOptions.withoutOption]
    }
    return options.devices.network.filter { $0.mode != .none }
  }

  /// The kernel parameter with the first card's addresses; nil if lkvm does not know them.
  ///
  /// lkvm's own init sets the addresses itself; the system of a disk or a folder reads `ip=`, as the kernel does
  /// (Documentation/admin-guide/nfs/nfsroot.rst).
  static func networkParameter(_ network: NetworkOptions?, root: KernelParameters.Root) -> String? {
    guard let network else { return nil }
    let gateway: IPv4Address?
    switch network.mode {
    case .none: return nil
    case .user: gateway = network.hostAddress ?? NetworkOptions.defaultHostAddress
    case .tap:
      gateway = network.tap.hostAddress
      // A tap that somebody else set up: only the user can know the guest's address.
      guard gateway != nil || network.hasGuestAddress else { return nil }
    }
    switch root {
    case .none: return nil
    case .share(_, .some):
      var words = ["\(network.guestAddress)/\(network.prefixLength)"]
      if let gateway { words.append("\(gateway)") }
      if network.mode == .user { words.append("\(UserNetworkConfiguration(network).chosenNameServer)") }
      return "lkvm.net=" + words.joined(separator: ",")
    case .firstDisk, .share(_, .none):
      if network.mode == .user { return "ip=dhcp" }
      let mask = IPv4Address(rawValue: UInt32.max << UInt32(32 - network.prefixLength))
      return "ip=\(network.guestAddress)::\(gateway.map { "\($0)" } ?? ""):\(mask):::off"
    }
  }
}
