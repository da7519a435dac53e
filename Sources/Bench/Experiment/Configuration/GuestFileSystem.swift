/// What is between the workload and the data path in a guest.
enum GuestFileSystem: String, CaseIterable, Codable, Sendable {
  /// Nothing: the workload uses blocks of the device.
  case none
  /// The guest kernel's ext4, on virtio-blk or on the block driver for the vext queue.
  case ext4
  /// Our file system in FUSE over the shared queue.
  case fuseVext = "fuse-vext"
  /// The same program on virtio-blk.
  case fuseOnVirtio = "fuse-on-virtio"

  /// Whether a Linux guest can have it over `mode`.
  func works(over mode: DataPathMode) -> Bool {
    switch (self, mode) {
    case (.none, .virtioBlock), (.ext4, .virtioBlock), (.fuseOnVirtio, .virtioBlock): true
    case (.none, .virtioBlockPolled), (.ext4, .virtioBlockPolled), (.fuseOnVirtio, .virtioBlockPolled): true
    case (.none, .virtioBlockTuned), (.ext4, .virtioBlockTuned), (.fuseOnVirtio, .virtioBlockTuned): true
    case (.fuseVext, .vext), (.fuseVext, .vextAdaptive): true
    // The guest kernel's block driver for the queue, docs/linux-driver.md.
    case (.none, .vext), (.ext4, .vext), (.none, .vextAdaptive), (.ext4, .vextAdaptive): true
    case (.fuseVext, .virtioBlock), (.fuseVext, .virtioBlockPolled), (.fuseVext, .virtioBlockTuned): false
    case (.fuseOnVirtio, .vext), (.fuseOnVirtio, .vextAdaptive): false
    // The back ends are for micro guests.
    case (_, .vextService), (_, .vhostUserVextd), (_, .vhostUserStorageDaemon): false
    }
  }

  /// Whether our own file system is in it.
  var usesFUSE: Bool { self == .fuseVext || self == .fuseOnVirtio }
}
