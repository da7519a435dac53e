/// What a whole guest is made of: a machine, a kernel and the devices of a virtual PC.
public struct GuestConfiguration: Sendable {
  /// A disk image or block device.
  public struct Disk: Sendable, Equatable {
    /// The path.
    public var path: String
    /// Whether the guest may only read.
    public var isReadOnly: Bool
    /// Whether it is opened with O_DIRECT.
    public var isDirect: Bool
    /// How many queues the device offers.
    public var queueCount: Int
    /// Whether its bytes are the disk's, also if they look like an image that is no raw one.
    public var acceptsAnyFormat: Bool

    /// A disk.
    public init(
      path: String, isReadOnly: Bool, isDirect: Bool, queueCount: Int, acceptsAnyFormat: Bool = false
    ) {
      self.path = path
      self.isReadOnly = isReadOnly
      self.isDirect = isDirect
      self.queueCount = queueCount
      self.acceptsAnyFormat = acceptsAnyFormat
    }
  }

  /// A folder of the host's.
  public struct Share: Sendable, Equatable {
    /// The folder.
    public var directory: String
    /// The name that the guest mounts it by.
    public var tag: String
    /// Whether the guest may only read.
    public var isReadOnly: Bool

    /// A shared folder.
    public init(directory: String, tag: String, isReadOnly: Bool) {
      self.directory = directory
      self.tag = tag
      self.isReadOnly = isReadOnly
    }
  }

  /// Which device carries the guest's console.
  public enum Console: Sendable, Equatable {
    /// The first 8250.
    case serial
    /// The virtio console.
    case virtio
  }

  /// The machine: name, memory, vCPUs, debugging.
  public var machine: MachineConfiguration
  /// The kernel: a bzImage or an ELF vmlinux, opened and checked.
  public var kernel: KernelImage
  /// The initial RAM disk.
  public var initrd: InitrdSource?
  /// The kernel's command line.
  public var commandLine: String
  /// virtio-blk disks, in the order of their names in the guest.
  public var disks: [Disk] = []
  /// Disks served through the vext queue.
  public var vextDisks: [Disk] = []
  /// How disk requests are carried out.
  public var engine: BlockEngineKind = .libaio
  /// Shared folders.
  public var shares: [Share] = []
  /// Whether there is a virtio-rng.
  public var hasEntropy = false
  /// Whether there is a virtio-balloon.
  public var hasBalloon = false
  /// Where the console is.
  public var console: Console = .serial
  /// Serial ports that get a pseudo-terminal.
  public var pseudoTerminals: [Int] = []
  /// The interface of the virtio devices.
  public var transport: VirtioTransport = .modern
  /// Whether KVM turns notifications into eventfd signals; otherwise each returns to user space.
  public var usesIOEventFD = true

  /// A guest without devices.
  public init(
    machine: MachineConfiguration, kernel: KernelImage, initrd: InitrdSource? = nil, commandLine: String
  ) {
    self.machine = machine
    self.kernel = kernel
    self.initrd = initrd
    self.commandLine = commandLine
  }
}
