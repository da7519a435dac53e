import HostSystem
import SystemPackage

/// The host threads that serve a guest's devices. A thread that no device needs is not made.
final class GuestThreads: Sendable {
  /// Serves consoles, entropy, balloon and networks.
  let devices: DeviceThread
  /// Serves shared folders, whose requests block.
  let shares: DeviceThread?
  /// Serves virtio-blk: asleep until a guest notifies.
  let blocks: IOThread?
  /// Serves vext queues: polls.
  let poller: IOThread?

  init(_ configuration: GuestConfiguration) throws(Errno) {
    // The kernel keeps 15 bytes: what tells threads apart must be among them.
    let name = configuration.machine.name.prefix(8)
    devices = try DeviceThread(name: "\(name)-devices")
    shares = configuration.shares.isEmpty ? nil : try DeviceThread(name: "\(name)-9p")
    blocks =
      configuration.disks.isEmpty
      ? nil : try IOThread(name: "\(name)-io", cpus: nil, waiting: .events, engine: configuration.engine)
    poller =
      configuration.vextDisks.isEmpty
      ? nil : try IOThread(name: "\(name)-vext", cpus: nil, waiting: .polling, engine: configuration.engine)
  }

  /// Ends all of them. No device is served any more.
  func stop() {
    poller?.stop()
    blocks?.stop()
    shares?.stop()
    devices.stop()
  }
}
