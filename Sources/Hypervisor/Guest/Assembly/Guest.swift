public import SystemPackage

/// A whole guest: a machine with the devices of a virtual PC and a kernel in its memory.
///
/// One thread owns it: makes it, starts it, waits for ``Machine/endDescriptor`` and shuts it down. What
/// ``ControlHandler`` asks for comes from another thread.
public final class Guest: Sendable {
  /// What it was made of.
  public let configuration: GuestConfiguration
  /// Its machine.
  public let machine: Machine
  /// When its kernel was loaded, and when its init ran.
  public let startUp: StartUpClock
  let platform: PlatformDevices
  let devices: GuestDevices
  let serialPorts: [SerialPort]
  private let consoles: GuestConsoles
  private let threads: GuestThreads

  /// A guest that is ready to start.
  ///
  /// - Parameters:
  ///   - pending: the configuration's machine, which another thread makes.
  ///   - networks: the network cards, in their order.
  ///   - input: where the console's input comes from; stays the caller's.
  ///   - output: where its output goes; stays the caller's.
  ///   - ioThreads: serve all disks, of this guest and maybe of others; stay the caller's, who stops them after the
  ///     guest. They must poll where there are ``GuestConfiguration/vextDisks``. None: the guest makes its own.
  public init(
    _ configuration: GuestConfiguration, networks: [GuestNetwork], input: Int32, output: Int32,
    ioThreads: [IOThread] = [], startUp: StartUpClock, machine pending: PendingMachine
  ) throws(GuestError) {
    // What a user gets wrong most often comes first, and costs nothing.
    let disks = try DiskSet(configuration)
    let boot = try configuration.loadKernel(into: try pending.guestMemory())
    startUp.note(.loaded)
    let threads = try GuestError.attributing(to: .host) { () throws(Errno) in
      try GuestThreads(configuration, ioThreads: ioThreads)
    }
    let machine: Machine
    do throws(GuestError) { machine = try pending.finishedMachine() } catch {
      threads.stop()
      throw error
    }
    platform = PlatformDevices(
      ports: machine.portBus, end: machine.endLatch, memoryByteCount: machine.memory.byteCount
    ) { gsi in KVMInterruptLine(vm: machine.vm, gsi: gsi) }
    let progress = ProgressPort { startUp.note(.initRunning) }
    let isFree = machine.portBus.insert(progress, start: ProgressPort.port, byteCount: 1)
    precondition(isFree, "nothing else claims the port")
    consoles = try GuestConsoles(
      configuration, machine: machine, thread: threads.devices, input: input, output: output)
    devices = try GuestDevices(
      configuration, disks: disks, networks: networks, terminal: consoles.terminal, machine: machine,
      threads: threads)
    serialPorts = consoles.makeSerialPorts(configuration, machine: machine)
    try GuestError.attributing(to: .machine) { () throws(BootError) in
      try boot.prepare(machine.vcpus.map(\.vcpu))
    }
    self.configuration = configuration
    self.machine = machine
    self.threads = threads
    self.startUp = startUp
  }

  /// Where the guest's code leaves the exit code of its command.
  public var exitStatus: UInt8? { platform.exitStatus.status }

  /// Virtio devices that no driver of the guest's has started, with the option that a Linux kernel lacks.
  public var devicesNeverStarted: [String] { devices.neverStarted }

  /// The process's terminal got another size.
  public func windowSizeChanged() { consoles.terminal.windowSizeChanged() }

  /// The paths of the pseudo-terminals, by the number of the serial port.
  public var pseudoTerminalPaths: [(port: Int, path: String)] {
    consoles.pseudoTerminals.map { ($0.port, $0.terminal.path) }
  }

  /// Lets the vCPUs run.
  public func start() throws(GuestError) {
    try consoles.start()
    try machine.startVCPUs(configuration.machine)
  }

  /// Ends the guest whatever it does: stops the vCPUs, finishes the requests under way, flushes the disks and gives the
  /// terminal back.
  ///
  /// - Returns: the disks whose flush failed, with the reason.
  @discardableResult
  public func shutDown() -> [(path: String, errno: Errno)] {
    machine.stop()
    devices.shutDown()
    let failures = devices.flush()
    consoles.close()
    threads.stop()
    return failures
  }
}
