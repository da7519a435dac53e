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
  private let adaptive: [IOThread]
  private let polling: [IOThread]
  private let own: [IOThread]

  /// - Parameter ioThreads: the caller's threads for all disks; if empty, the guest makes its own.
  init(_ configuration: GuestConfiguration, ioThreads: [IOThread]) throws(Errno) {
    // The kernel keeps 15 bytes, which must distinguish the threads.
    let name = configuration.machine.name.prefix(8)
    devices = try DeviceThread(name: "\(name)-devices")
    shares = configuration.shares.isEmpty ? nil : try DeviceThread(name: "\(name)-9p", kind: .share)
    guard ioThreads.isEmpty else {
      (blocks, adaptive, polling, own) = (ioThreads, ioThreads, ioThreads, [])
      return
    }
    func thread(_ suffix: String, _ waiting: IOThread.Waiting, isNeeded: Bool) throws(Errno) -> [IOThread] {
      guard isNeeded else { return [] }
      return [
        try IOThread(name: "\(name)-\(suffix)", cpus: nil, waiting: waiting, engine: configuration.engine)
      ]
    }
    let vextDisks = configuration.vextDisks
    blocks = try thread("io", .events, isNeeded: !configuration.disks.isEmpty)
    adaptive = try thread("vext", .adaptive, isNeeded: vextDisks.contains { !$0.polls })
    polling = try thread("poll", .polling, isNeeded: vextDisks.contains(where: \.polls))
    own = blocks + adaptive + polling
  }

  /// The threads that serve the queues of a vext disk.
  func threads(for disk: GuestConfiguration.Disk) -> [IOThread] { disk.polls ? polling : adaptive }

  /// Ends all threads except the caller's. No device may be in use.
  ///
  /// - Parameter areDisksQuiet: false if storage hangs; then the I/O threads end when it answers.
  func stop(areDisksQuiet: Bool = true) {
    for thread in own {
      if areDisksQuiet { thread.stop() } else { _ = thread.stop(nanoseconds: DiskTimeout.nanoseconds) }
    }
    shares?.stop()
    devices.stop()
  }
}
