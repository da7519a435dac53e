/// The configuration of a whole guest: a machine, a kernel and the devices of a virtual PC.
public struct GuestConfiguration: Sendable {
  /// A disk image or block device.
  public struct Disk: Sendable, Equatable {
    /// The path of the image or block device.
    public var path: String
    /// Whether the guest may only read.
    public var isReadOnly: Bool
    /// Whether to open the disk with O_DIRECT.
    public var isDirect: Bool
    /// Number of queues that the device offers.
    public var queueCount: Int
    /// Which formats an image may have.
    public var formats: DiskFormats
    /// Whether the I/O thread of a vext disk polls all the time; otherwise it sleeps after a time without requests.
    public var polls: Bool

    /// Makes the configuration of a disk.
    public init(
      path: String, isReadOnly: Bool, isDirect: Bool, queueCount: Int,
      formats: DiskFormats = .qcow(QcowOptions()),
      polls: Bool = false
    ) {
      self.path = path
      self.isReadOnly = isReadOnly
      self.isDirect = isDirect
      self.queueCount = queueCount
      self.formats = formats
      self.polls = polls
    }
  }

  /// A disk that vextd serves.
  public struct ServiceDisk: Sendable, Equatable {
    /// The service's socket.
    public var socketPath: String
    /// The disk's name there.
    public var name: String
    /// How many queues the device offers.
    public var queueCount: Int
    /// How long the guest waits for the successor of a service that has ended, before its requests end with EIO.
    public var successorTimeoutNanoseconds: UInt64

    /// A disk.
    public init(
      socketPath: String, name: String, queueCount: Int,
      successorTimeoutNanoseconds: UInt64 = VextServiceClient.defaultSuccessorTimeoutNanoseconds
    ) {
      self.socketPath = socketPath
      self.name = name
      self.queueCount = queueCount
      self.successorTimeoutNanoseconds = successorTimeoutNanoseconds
    }
  }

  /// A device that a vhost-user back end serves.
  public struct VhostUserDevice: Sendable, Equatable {
    /// The back end's socket.
    public var socketPath: String
    /// The type of the device.
    public var kind: VhostUserDeviceKind

    /// A device.
    public init(socketPath: String, kind: VhostUserDeviceKind) {
      self.socketPath = socketPath
      self.kind = kind
    }
  }

  /// A folder of the host that the guest can mount.
  public struct Share: Sendable, Equatable {
    /// The path of the folder.
    public var directory: String
    /// The tag by which the guest mounts the folder.
    public var tag: String
    /// Whether the guest may only read.
    public var isReadOnly: Bool
    /// What becomes of owners, modes, devices and attributes that the guest sets.
    public var security: NinePSecurity

    /// Makes the configuration of a shared folder.
    public init(directory: String, tag: String, isReadOnly: Bool, security: NinePSecurity = .none) {
      self.directory = directory
      self.tag = tag
      self.isReadOnly = isReadOnly
      self.security = security
    }
  }

  /// Memory that other guests and programs of the host have too.
  public struct SharedMemory: Sendable {
    /// The memory, of a size that ``SharedMemoryDevice`` takes.
    public var area: SharedMemoryArea
    /// The guest-physical address at which its BAR is at first; nil for any.
    public var address: UInt64?

    /// Describes shared memory.
    public init(area: SharedMemoryArea, address: UInt64? = nil) {
      self.area = area
      self.address = address
    }
  }

  /// What the guest starts with.
  public enum Start: Sendable {
    /// A kernel: opened and checked.
    case kernel(KernelImage)
    /// Firmware, which finds a system on a disk.
    case firmware(FirmwareImage)
  }

  /// The device of the guest's console.
  public enum Console: Sendable, Equatable {
    /// The first 16550A.
    case serial
    /// The virtio console.
    case virtio
  }

  /// The machine: name, memory, vCPUs, debugging.
  public var machine: MachineConfiguration
  /// The kernel or the firmware.
  public var start: Start
  /// The kernel; nil if the guest starts with firmware.
  public var kernel: KernelImage? {
    switch start {
    case .kernel(let image): image
    case .firmware: nil
    }
  }
  /// The initial RAM disk.
  public var initrd: InitrdSource?
  /// The kernel's command line.
  public var commandLine: String
  /// virtio-blk disks, in the order of their names in the guest.
  public var disks: [Disk] = []
  /// Disks served through the vext queue.
  public var vextDisks: [Disk] = []
  /// Disks that vextd serves through the vext queue; the guest finds them behind ``vextDisks``. They need memory that is shared
  /// (``MachineConfiguration/sharesMemory``).
  public var serviceDisks: [ServiceDisk] = []
  /// Block devices of vhost-user back ends; the guest finds them behind ``disks``. They and ``vhostUserFileSystems`` need memory
  /// that is shared (``MachineConfiguration/sharesMemory``).
  public var vhostUserDisks: [VhostUserDevice] = []
  /// File systems of vhost-user back ends; the guest finds them behind all other devices.
  public var vhostUserFileSystems: [VhostUserDevice] = []
  /// Targets of the host's SCSI stack that vhost_scsi serves; the guest finds them behind all other disks.
  public var scsiTargets: [VhostSCSITarget] = []
  /// The guest's context ID of AF_VSOCK, one of ``VhostVsock/contextIDs``; nil: the guest has no virtio socket device.
  public var contextID: UInt32?
  /// The engine that carries out disk requests.
  public var engine: BlockEngineKind = .libaio
  /// Shared folders.
  public var shares: [Share] = []
  /// Shared memory.
  public var sharedMemory: [SharedMemory] = []
  /// Devices of the host, which the guest finds behind all others. No page of the guest's RAM may be replaced while it has them: they go
  /// together neither with a balloon nor with merged pages.
  public var hostDevices: VFIOContainer?
  /// Whether there is a virtio-rng.
  public var hasEntropy = false
  /// Whether there is a virtio-balloon.
  public var hasBalloon = false
  /// The device of the console.
  public var console: Console = .serial
  /// The mode of the frame buffer; nil for a machine without frame buffer and mouse.
  public var videoMode: VideoMode?
  /// Whether input that comes from no terminal waits until the guest's driver of the serial port takes it. A guest that
  /// polls the port instead gets none of it.
  public var inputAwaitsDriver = false
  /// Whether the guest's init passes such input to a command, as the kernel's command line tells it; the input waits
  /// until the command runs.
  public var encodesInput = false
  /// The numbers of the serial ports with a pseudo-terminal.
  public var pseudoTerminals: [Int] = []
  /// The interface of the virtio devices.
  public var transport: VirtioTransport = .modern
  /// Whether KVM turns notifications into eventfd signals; otherwise each notification returns to user space.
  public var usesIOEventFD = true

  /// Whether vhost drivers of the host's kernel serve devices other than networks.
  public var usesVhost: Bool { contextID != nil || !scsiTargets.isEmpty }

  /// Makes the configuration of a guest without devices.
  public init(
    machine: MachineConfiguration, kernel: KernelImage, initrd: InitrdSource? = nil, commandLine: String
  ) {
    self.machine = machine
    start = .kernel(kernel)
    self.initrd = initrd
    self.commandLine = commandLine
  }

  /// Makes the configuration of a guest that starts with firmware.
  public init(machine: MachineConfiguration, firmware: FirmwareImage) {
    self.machine = machine
    start = .firmware(firmware)
    commandLine = ""
  }
}
