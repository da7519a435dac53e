/// How a request travels from the guest to the host's I/O thread and back (docs/architecture.md).
enum DataPathMode: String, CaseIterable, Codable, Sendable {
  /// Kick, vmexit, ioeventfd, I/O thread; completion by MSI-X through irqfd: the baseline, as kvmtool does it.
  case virtioBlock = "virtio-blk"
  /// An unmodified virtio-blk driver whose kicks the polling thread suppresses; completion by MSI-X.
  case virtioBlockPolled = "virtio-blk-poll"
  /// virtio-blk tuned for throughput and latency: io_uring in place of libaio, an I/O thread that polls before it sleeps, and fewer
  /// interrupts than requests at depth.
  case virtioBlockTuned = "virtio-blk-tuned"
  /// The shared queue, polled from both ends.
  case vext
  /// The shared queue, whose two ends sleep when there is nothing to do.
  case vextAdaptive = "vext-adaptive"
  /// The shared queue, polled from both ends, served by vextd in a process of its own.
  case vextService = "vext-service"
  /// An unmodified virtio-blk driver whose rings vextd serves, in a process of its own, as a vhost-user back end.
  case vhostUserVextd = "vhost-user-vextd"
  /// The same with qemu-storage-daemon.
  case vhostUserStorageDaemon = "vhost-user-qsd"
  /// Files of a folder of the host, over virtio-9p from the server of this package.
  case virtio9P = "virtio-9p"
  /// Files of a folder of the host, over virtio-fs from virtiofsd, in a process of its own.
  case virtioFS = "virtio-fs"
  /// No machine: the workload runs on the host.
  case host

  /// Those that are compared unless the user says otherwise; none of them needs more than a plain host has.
  static let defaults: [DataPathMode] = [.virtioBlock, .virtioBlockPolled, .vext]

  /// The program that serves the disks, if it is not bench.
  var backEnd: BackEnd? {
    switch self {
    case .vextService: .vextd
    case .vhostUserVextd: .vextdVhostUser
    case .vhostUserStorageDaemon: .storageDaemon
    case .virtioBlock, .virtioBlockPolled, .virtioBlockTuned, .vext, .vextAdaptive, .virtio9P, .virtioFS,
      .host:
      nil
    }
  }

  /// Whether a micro guest has a driver for it.
  var takesMicroGuests: Bool {
    switch self {
    case .virtioBlock, .virtioBlockPolled, .virtioBlockTuned, .vext, .vextAdaptive, .vextService,
      .vhostUserVextd, .vhostUserStorageDaemon:
      true
    case .virtio9P, .virtioFS, .host: false
    }
  }

  /// How requests of a Linux guest travel; nil where only micro guests exist.
  var linuxTransport: LinuxTransport? {
    switch self {
    case .virtioBlock, .virtioBlockPolled, .virtioBlockTuned: .virtioBlock
    case .vext, .vextAdaptive: .vext
    case .virtio9P: .ninePFS
    case .virtioFS: .virtioFS
    case .host: .host
    case .vextService, .vhostUserVextd, .vhostUserStorageDaemon: nil
    }
  }
}
