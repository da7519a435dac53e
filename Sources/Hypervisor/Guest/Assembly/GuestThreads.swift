import HostSystem
import SystemPackage

/// The host threads that serve a guest's devices. A thread that no device needs is not made.
final class GuestThreads: Sendable {
  /// The thread of consoles, entropy, balloon and networks.
  let devices: DeviceThread
  /// The thread of shared folders, whose requests block; nil without such folders.
  let shares: DeviceThread?
  /// The threads of virtio-blk. The guest's own thread sleeps until it is notified.
  let blocks: [IOThread]
  /// The threads of vext queues. The guest's own thread polls.
  let pollers: [IOThread]
  private let own: [IOThread]

  /// - Parameter ioThreads: the caller's threads for all disks; if empty, the guest makes its own.
  init(_ configuration: GuestConfiguration, ioThreads: [IOThread]) throws(Errno) {
    // The kernel keeps 15 bytes, which must distinguish the threads.
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

  /// Ends all threads except the caller's. No device may be in use.
  func stop() {
    for thread in own { thread.stop() }
    shares?.stop()
    devices.stop()
  }
}
