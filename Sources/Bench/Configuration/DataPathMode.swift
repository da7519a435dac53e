/// How a request travels from the guest to the host's I/O thread and back (docs/architecture.md).
enum DataPathMode: String, CaseIterable, Codable, Sendable {
  /// Kick, vmexit, ioeventfd, I/O thread; completion by MSI-X through irqfd: the baseline, as kvmtool does it.
  case virtioBlock = "virtio-blk"
  /// An unmodified virtio-blk driver whose kicks the polling thread suppresses; completion by MSI-X.
  case virtioBlockPolled = "virtio-blk-poll"
  /// The shared queue, polled from both ends.
  case vext
}
