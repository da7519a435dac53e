import Hypervisor
import MicroGuest

/// Where the disk of a micro guest comes from.
enum MicroDisk {
  /// I/O threads of this process serve it.
  case opened(DiskImage, ioThreads: IOThreadGroup)
  /// vextd serves it, at that socket and under that name; the modes of the vext queue alone.
  case service(path: String, name: String, successorTimeoutNanoseconds: UInt64)
  /// A vhost-user back end serves it, at that socket; the modes with a virtio-blk driver alone.
  case vhostUser(path: String)

  /// Whether this process serves it, and need not share the guest's memory.
  var isOpened: Bool { if case .opened = self { true } else { false } }
}

/// The block device of a micro guest, by data path.
enum GuestDevice {
  case virtio(VirtioPCI)
  case vext(VextDevice)

  /// Makes the device and plugs it into `machine`.
  init(mode: DataPathMode, queueCount: Int, disk: MicroDisk, machine: Machine) throws {
    switch disk {
    case .opened(let image, let ioThreads):
      try self.init(
        mode: mode, queueCount: queueCount, disk: image, machine: machine, servers: ioThreads.servers)
    case .service(let path, let name, let successorTimeoutNanoseconds):
      let client = try VextServiceClient(
        path: path, disk: name, memory: machine.memory, machine: machine.name,
        successorTimeoutNanoseconds: successorTimeoutNanoseconds)
      let function =
        mode == .vextAdaptive
        ? try VextDevice(
          name: machine.name, service: client, queueCount: queueCount, interruptRouter: machine.vm,
          contention: machine.contention)
        : VextDevice(name: machine.name, service: client, queueCount: queueCount)
      try machine.pci.add(function)
      self = .vext(function)
    case .vhostUser(let path):
      let block = try VhostUserDevice(
        path: path, kind: .block(queueCount: queueCount, limit: queueCount),
        queueSize: UInt16(VirtioBlock.queueDepthLimit), memory: machine.memory, machine: machine.name)
      let function = try VirtioPCI(device: block, memory: machine.memory, router: machine.vm)
      try machine.pci.add(function)
      self = .virtio(function)
    }
  }

  private init(
    mode: DataPathMode, queueCount: Int, disk: DiskImage, machine: Machine,
    servers: [any IOQueueServer]
  ) throws {
    switch mode {
    case .virtioBlock, .virtioBlockPolled, .virtioBlockTuned:
      let block = VirtioBlock(
        disk: disk, queueCount: queueCount, queueDepth: VirtioBlock.queueDepthLimit, memory: machine.memory,
        servers: servers)
      let function = try VirtioPCI(device: block, memory: machine.memory, router: machine.vm)
      try machine.pci.add(function)
      self = .virtio(function)
    case .vext:
      let function = VextDevice(
        name: machine.name, disk: disk, queueCount: queueCount, memory: machine.memory, servers: servers)
      try machine.pci.add(function)
      self = .vext(function)
    case .vextAdaptive:
      let function = try VextDevice(
        name: machine.name, disk: disk, queueCount: queueCount, memory: machine.memory, servers: servers,
        interruptRouter: machine.vm, contention: machine.contention)
      try machine.pci.add(function)
      self = .vext(function)
    case .vextService, .vhostUserVextd, .vhostUserStorageDaemon:
      preconditionFailure("a back end serves the disk")
    case .virtio9P, .virtioFS, .host: preconditionFailure("no path of a micro guest")
    }
  }

  /// Takes the queues back from the I/O threads. After the machine has stopped.
  func shutDown() {
    switch self {
    case .virtio(let function): function.shutDown()
    case .vext(let function): function.shutDown()
    }
  }
}

extension DataPathMode {
  /// The driver that the micro guest needs.
  var guestTransport: GuestTransport {
    switch self {
    case .virtioBlock, .virtioBlockPolled, .virtioBlockTuned, .vhostUserVextd, .vhostUserStorageDaemon,
      // These have no micro guests.
      .virtio9P, .virtioFS, .host:
      .virtioBlock
    case .vext, .vextService: .vext
    case .vextAdaptive: .vextAdaptive
    }
  }

  /// What serves the requests where the user asked for `engine`.
  func engine(_ engine: BlockEngineKind) -> BlockEngineKind {
    self == .virtioBlockTuned && engine == .libaio ? .ioUring : engine
  }

  /// Whether the I/O thread sleeps between requests or looks for them.
  var waiting: IOThread.Waiting {
    switch self {
    case .virtioBlock, .virtio9P, .virtioFS, .host: .events
    case .virtioBlockPolled, .vext, .vextService: .polling
    case .virtioBlockTuned, .vextAdaptive, .vhostUserVextd, .vhostUserStorageDaemon: .adaptive
    }
  }
}
