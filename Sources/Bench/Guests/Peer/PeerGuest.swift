import Hypervisor

/// A guest, as the command line of another VMM describes it.
struct PeerGuest: Equatable, Sendable {
  /// Its disk.
  struct Disk: Equatable, Sendable {
    /// The image or block device.
    var path: String
    /// How large it is.
    var byteCount: UInt64
    /// Whether ``path`` is a block device.
    var isBlockDevice = false
    /// Whether the guest may only read.
    var isReadOnly: Bool
    /// Whether it is opened with O_DIRECT.
    var isDirect: Bool
    /// What serves it.
    var engine: BlockEngineKind
  }

  /// A Linux kernel and what it boots with.
  struct Linux: Equatable, Sendable {
    /// The kernel's file.
    var kernelPath: String
    /// The initial RAM disk's file.
    var initrdPath: String
    /// The kernel's command line.
    var commandLine: String
    /// Folders of the host's, shared by virtio-9p.
    var shares: [GuestConfiguration.Share]
    /// Where the output of its serial port goes.
    var consolePath: String
  }

  /// What its vCPUs run first.
  enum Boot: Equatable, Sendable {
    /// A kernel.
    case linux(Linux)
    /// The firmware at `imagePath`, over RAM that is the file at `ramPath`, where bench has put the rest.
    case firmware(imagePath: String, ramPath: String)
  }

  /// What the host calls it.
  var name: String
  /// What it boots.
  var boot: Boot
  /// RAM, in whole MiB.
  var memory: ByteSize
  /// The NUMA node that the RAM is bound to.
  var memoryNode: Int
  /// vCPUs, and queues of the disk.
  var vcpuCount: Int
  /// Its disk.
  var disk: Disk
}
