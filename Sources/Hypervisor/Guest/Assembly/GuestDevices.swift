import SystemPackage

/// The PCI functions of a guest, plugged in in a fixed order.
///
/// Because of the order, a guest finds its disks and networks in the same slots, however many later functions there are.
final class GuestDevices: Sendable {
  /// The virtio console, if it is the guest's.
  let console: VirtioConsole?
  /// The memory balloon, if there is one.
  let balloon: VirtioBalloon?
  /// The network cards.
  let networks: [VirtioNet]
  /// The virtio-blk disks.
  let blocks: [VirtioBlock]
  private let functions: [VirtioPCI]
  /// The disks served through the vext queue.
  let vextDevices: [VextDevice]
  private let disks: [DiskImage]
  private let services: [(path: String, client: VextServiceClient)]
  private let hostDevices: GuestHostDevices?

  init(
    _ configuration: GuestConfiguration, disks: DiskSet, networks: [GuestNetwork], terminal: Terminal,
    machine: Machine, threads: GuestThreads, panicked: @escaping @Sendable () -> Void
  ) throws(GuestError) {
    var plug = VirtioPlug(configuration, machine)
    var blocks: [VirtioBlock] = []
    // Memory that is not resident from the start is not registered, because such a guest takes it page by page, and its
    // balloon returns pages.
    let memory = configuration.machine.prefaultsMemory ? machine.memory : nil
    for (image, disk) in zip(disks.blocks, configuration.disks) {
      for server in threads.blocks { server.register(disk: image, memory: memory) }
      let block = VirtioBlock(
        disk: image, queueCount: disk.queueCount, queueDepth: configuration.blockQueueDepth,
        memory: machine.memory, servers: threads.blocks)
      try plug.insert(block, part: .disk)
      blocks.append(block)
    }
    try plug.insert(configuration.vhostUserDisks, part: .vhostUserDisk)
    var cards: [VirtioNet] = []
    for network in networks {
      let card = try Self.card(network, machine: machine, thread: threads.devices)
      try plug.insert(card, part: .network, transport: network.transport)
      cards.append(card)
    }
    for share in configuration.shares {
      guard let thread = threads.shares else { continue }
      let folder = try GuestError.attributing(to: .share) { () throws(NinePShareError) in
        try NinePShare(
          path: share.directory, tag: share.tag, readOnly: share.isReadOnly, security: share.security)
      }
      let device = try GuestError.attributing(to: .share) { () throws(Errno) in
        try Virtio9P(share: folder, memory: machine.memory, thread: thread)
      }
      try plug.insert(device, part: .share)
    }
    console =
      configuration.console == .virtio
      ? VirtioConsole(memory: machine.memory, thread: threads.devices, endpoint: terminal) : nil
    if let console { try plug.insert(console, part: .console) }
    if configuration.hasEntropy {
      try plug.insert(VirtioRandom(memory: machine.memory, thread: threads.devices), part: .host)
    }
    balloon =
      configuration.hasBalloon ? VirtioBalloon(memory: machine.memory, thread: threads.devices) : nil
    if let balloon { try plug.insert(balloon, part: .host) }
    try plug.insert(function: PanicDevice(end: machine.endLatch, panicked: panicked), part: .machine)
    var vextDevices: [VextDevice] = []
    for (image, disk) in zip(disks.vext, configuration.vextDisks) {
      let servers = threads.threads(for: disk)
      for server in servers { server.register(disk: image, memory: memory) }
      let name = "\(machine.name) \(disk.path)"
      // A thread that sleeps is woken by a doorbell, and its guest by an interrupt.
      let device =
        disk.polls
        ? VextDevice(
          name: name, disk: image, queueCount: disk.queueCount, memory: machine.memory, servers: servers,
          countsRequests: true)
        : try GuestError.attributing(to: .vext) { () throws(Errno) in
          try VextDevice(
            name: name, disk: image, queueCount: disk.queueCount, memory: machine.memory, servers: servers,
            interruptRouter: machine.vm, contention: machine.contention, countsRequests: true)
        }
      try plug.insert(function: device, part: .vext)
      vextDevices.append(device)
    }
    var services: [(path: String, client: VextServiceClient)] = []
    for disk in configuration.serviceDisks {
      let client = try GuestError.attributing(to: .vext) { () throws(VextServiceError) in
        try VextServiceClient(
          path: disk.socketPath, disk: disk.name, memory: machine.memory, machine: machine.name,
          successorTimeoutNanoseconds: disk.successorTimeoutNanoseconds)
      }
      let path = "vextd:\(disk.socketPath)/\(disk.name)"
      let device = try GuestError.attributing(to: .vext) { () throws(Errno) in
        try VextDevice(
          name: "\(machine.name) \(path)", service: client, queueCount: disk.queueCount,
          interruptRouter: machine.vm, contention: machine.contention)
      }
      try plug.insert(function: device, part: .vext)
      vextDevices.append(device)
      services.append((path, client))
    }
    try plug.insert(configuration.vhostUserFileSystems, part: .vhostUserFileSystem)
    for target in configuration.scsiTargets {
      let device = try GuestError.attributing(to: .disk) { () throws(VhostError) in
        try VhostSCSI(
          target: target, memory: machine.memory, thread: threads.devices, machine: machine.name)
      }
      try plug.insert(device, part: .disk)
    }
    if let contextID = configuration.contextID {
      let sockets = try GuestError.attributing(to: .sockets) { () throws(VhostError) in
        try VhostVsock(
          contextID: contextID, memory: machine.memory, thread: threads.devices, machine: machine.name)
      }
      // The type is newer than the legacy interface.
      try plug.insert(sockets, part: .sockets, transport: .modern)
    }
    for shared in configuration.sharedMemory {
      try plug.insert(
        function: SharedMemoryDevice(shared.area), part: .sharedMemory,
        addresses: shared.address.map { [SharedMemoryDevice.memoryBAR: $0] } ?? [:])
    }
    hostDevices = try configuration.hostDevices.map { (container) throws(GuestError) in
      try GuestHostDevices(container, plug: plug, machine: machine)
    }
    self.services = services
    self.blocks = blocks
    self.networks = cards
    self.vextDevices = vextDevices
    self.disks = disks.blocks + disks.vext
    functions = plug.functions
  }

  private static func card(
    _ network: GuestNetwork, machine: Machine, thread: DeviceThread
  ) throws(GuestError) -> VirtioNet {
    guard network.usesVhost else {
      return VirtioNet(
        ports: network.ports, address: network.address, mtu: network.mtu, memory: machine.memory,
        threads: [thread])
    }
    return try GuestError.attributing(to: .network) { () throws(VhostError) in
      try VirtioNet(
        vhostPorts: network.ports, address: network.address, mtu: network.mtu, memory: machine.memory,
        thread: thread, machine: machine.name)
    }
  }

  /// Takes all queues back from the threads. The vCPUs must have stopped.
  func shutDown() {
    for function in functions { function.shutDown() }
    for device in vextDevices { device.shutDown() }
    hostDevices?.shutDown()
  }

  /// Whether the storage of every disk has answered all requests. Call it after ``shutDown()``.
  var areDisksQuiet: Bool { blocks.allSatisfy(\.isQuiet) && vextDevices.allSatisfy(\.isQuiet) }

  /// Makes the guest's writes durable (fdatasync), except on storage that does not answer (ETIMEDOUT).
  ///
  /// - Returns: the disks for which that failed.
  func flush() -> [(path: String, errno: Errno)] {
    var failures: [(path: String, errno: Errno)] = []
    for (disk, isQuiet) in zip(disks, blocks.map(\.isQuiet) + vextDevices.map(\.isQuiet)) {
      do throws(Errno) {
        guard isQuiet else { throw .timedOut }
        try disk.flush()
      } catch { failures.append((disk.path, error)) }
    }
    for service in services {
      do throws(Errno) { try service.client.close() } catch { failures.append((service.path, error)) }
    }
    return failures
  }

  /// The Linux driver options of virtio devices that the guest never started.
  var neverStarted: [String] {
    functions.filter { !$0.wasStarted }.map { VirtioDriverOptions.option(forDeviceID: $0.deviceID) }
  }
}

/// Advice about devices that a guest did not use.
enum VirtioDriverOptions {
  /// The option that a Linux kernel is built with to drive virtio devices of an ID (virtio 1.2 §5).
  static func option(forDeviceID id: UInt16) -> String {
    switch id {
    case 1: "network card (CONFIG_VIRTIO_NET)"
    case 2: "disk (CONFIG_VIRTIO_BLK)"
    case 3: "console (CONFIG_VIRTIO_CONSOLE)"
    case 4: "entropy device (CONFIG_HW_RANDOM_VIRTIO)"
    case 5: "memory balloon (CONFIG_VIRTIO_BALLOON)"
    case 8: "SCSI host (CONFIG_SCSI_VIRTIO)"
    case 9: "shared folder (CONFIG_NET_9P_VIRTIO)"
    case 19: "socket device (CONFIG_VIRTIO_VSOCKETS)"
    case 26: "file system (CONFIG_VIRTIO_FS)"
    default: "virtio device \(id)"
    }
  }
}
