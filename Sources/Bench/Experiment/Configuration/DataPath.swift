/// One column of a comparison: which VMM, how requests reach the host, and what is above that in the guest.
struct DataPath: Codable, Hashable, Sendable {
  /// How requests reach the host.
  var mode: DataPathMode
  /// What is above that.
  var fileSystem: GuestFileSystem

  /// What makes the virtual machine.
  var vmm: VMM

  /// A path; without a file system, and in a machine of bench's own, unless others are given.
  init(_ mode: DataPathMode, _ fileSystem: GuestFileSystem = .none, vmm: VMM = .builtin) {
    self.mode = mode
    self.fileSystem = fileSystem
    self.vmm = vmm
  }

  /// What a table calls it: `virtio-blk`, `virtio-blk/ext4`, `qemu:virtio-blk/ext4`; the other file systems are in full
  /// as well.
  var name: String {
    (vmm.isPeer ? "\(vmm.rawValue):" : "") + mode.rawValue
      + (fileSystem == .none ? "" : "/\(fileSystem.rawValue)")
  }

  /// Whether a Linux guest needs the block driver for the vext queue (docs/linux-driver.md).
  var needsBlockDriver: Bool {
    switch mode {
    case .virtioBlock, .virtioBlockPolled, .virtioBlockTuned, .vextService, .vhostUserVextd,
      .vhostUserStorageDaemon, .virtio9P, .virtioFS, .host:
      false
    case .vext, .vextAdaptive: !fileSystem.usesFUSE
    }
  }

  /// The block device of a Linux guest that is below the file system; fuse-vext over the shared queue does without it.
  var blockDevice: String { needsBlockDriver ? "/dev/vext0" : "/dev/vda" }

  enum CodingKeys: String, CodingKey {
    case mode
    case fileSystem = "fs"
    case vmm
  }
}
