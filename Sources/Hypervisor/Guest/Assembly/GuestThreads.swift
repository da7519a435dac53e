import HostSystem
import SystemPackage

/// The host threads that serve a guest's devices. A thread that no device needs is not made.
final class GuestThreads: Sendable {
  /// Serves consoles, entropy, balloon and networks.
  let devices: DeviceThread
  /// Serves shared folders, whose requests block.
  let shares: DeviceThread?
  /// Serve virtio-blk. The guest's own one sleeps until it is notified.
  let blocks: [IOThread]
  /// Serve vext queues. The guest's own one polls.
  let pollers: [IOThread]
  private let own: [IOThread]

  /// - Parameter ioThreads: serve all disks, and are the caller's; none: the guest makes its own.
  init(_ configuration: GuestConfiguration, ioThreads: [IOThread]) throws(Errno) {
    // The kernel keeps 15 bytes: what tells threads apart must be among them.
    let name = configuration.machine.name.prefix(8)
    devices = try DeviceThread(name: "\(name)-devices")
    shares = configuration.shares.isEmpty ? nil : try DeviceThread(name: "\(name)-9p")
    guard ioThreads.isEmpty else {
      (blocks, pollers, own) = (ioThreads, ioThreads, [])
      return
    }
    blocks =
      configuration.disks.isEmpty
      ? [] : [try IOThread(name: "\(name)-io", cpus: nil, waiting: .events, engine: configuration.engine)]
    pollers =
      configuration.vextDisks.isEmpty
      ? [] : [try IOThread(name: "\(name)-vext", cpus: nil, waiting: .polling, engine: configuration.engine)]
    own = blocks + pollers
  }

  /// Ends all of them but the caller's. No device is served any more.
  func stop() {
    for thread in own { thread.stop() }
    shares?.stop()
    devices.stop()
  }
}
