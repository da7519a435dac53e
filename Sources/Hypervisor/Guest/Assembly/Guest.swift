import Synchronization
public import SystemPackage

/// A whole guest: a machine with the devices of a virtual PC, and a kernel or firmware in its memory.
///
/// One thread owns it: it makes the guest, starts it, waits for ``Machine/endDescriptor`` and shuts it down. Another
/// thread calls the methods of ``ControlHandler``.
public final class Guest: Sendable {
  /// The configuration from which the guest was made.
  public let configuration: GuestConfiguration
  /// The guest's machine.
  public let machine: Machine
  /// The frame buffer, if the guest has one.
  public let frameBuffer: FrameBuffer?
  /// The times at which the kernel was loaded and the guest's init ran.
  public let startUp: StartUpClock
  let platform: PlatformDevices
  let devices: GuestDevices
  let serialPorts: [SerialPort]
  private let consoles: GuestConsoles
  private let threads: GuestThreads
  private let startFailure: StartFailure

  /// What a vCPU thread may set.
  private final class StartFailure: Sendable {
    let hasHappened = Atomic<Bool>(false)
  }

  /// Makes a guest that is ready to start.
  ///
  /// - Parameters:
  ///   - pending: the configuration's machine, which another thread is making.
  ///   - networks: the network cards, in order.
  ///   - input: the descriptor of the console's input; stays the caller's.
  ///   - output: the descriptor of the console's output; stays the caller's.
  ///   - ioThreads: the threads that serve all disks, which may also serve other guests. The caller keeps them and stops
  ///     them after the guest. They must poll if there are ``GuestConfiguration/vextDisks``. If empty, the guest makes
  ///     its own threads.
  public init(
    _ configuration: GuestConfiguration, networks: [GuestNetwork], input: Int32, output: Int32,
    ioThreads: [IOThread] = [], startUp: StartUpClock, machine pending: PendingMachine
  ) throws(GuestError) {
    // First, because these are a user's most frequent mistakes, and the check costs nothing.
    let disks = try DiskSet(configuration)
    let boot = try configuration.loadStart(into: try pending.guestMemory())
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
      ports: machine.portBus, end: machine.endLatch, memoryByteCount: machine.memory.byteCount,
      hasMouse: configuration.videoMode != nil
    ) { gsi in KVMInterruptLine(vm: machine.vm, gsi: gsi) }
    frameBuffer = try GuestError.attributing(to: .display) { () throws(Errno) in
      try configuration.videoMode.map { (mode) throws(Errno) in try FrameBuffer(mode, machine: machine) }
    }
    consoles = try GuestConsoles(
      configuration, machine: machine, thread: threads.devices, input: input, output: output)
    let terminal = consoles.terminal
    let startFailure = StartFailure()
    self.startFailure = startFailure
    let progress = ProgressPort { progress in
      switch progress {
      case .running: startUp.note(.initRunning)
      case .readsInput: terminal.releaseInput()
      case .startFailed: startFailure.hasHappened.store(true, ordering: .relaxed)
      }
    }
    let isFree = machine.portBus.insert(progress, start: ProgressPort.port, byteCount: 1)
    precondition(isFree, "nothing else claims the port")
    let panicDrain = try GuestError.attributing(to: .host) {
      [clock = platform.clock] () throws(Errno) -> PanicDrain in
      try clock.start(on: threads.devices)
      return try PanicDrain(thread: threads.devices, end: machine.endLatch) { terminal.writtenByteCount }
    }
    devices = try GuestDevices(
      configuration, disks: disks, networks: networks, terminal: terminal, machine: machine,
      threads: threads, panicked: { panicDrain.begin() })
    serialPorts = consoles.makeSerialPorts(configuration, machine: machine)
    try GuestError.attributing(to: .machine) { () throws(BootError) in
      try boot.prepare(machine)
    }
    self.configuration = configuration
    self.machine = machine
    self.threads = threads
    self.startUp = startUp
  }

  /// The exit code of the guest's command; nil if the guest has not reported it.
  public var exitStatus: UInt8? { platform.exitStatus.status }

  /// Whether the guest's init could not start the guest's system: it found no root, say.
  public var startFailed: Bool { startFailure.hasHappened.load(ordering: .relaxed) }

  /// Whether what the guest wrote to its console last does not end a line.
  public var consoleEndsWithinLine: Bool { consoles.terminal.endsWithinLine }

  /// Virtio devices that no driver of the guest has started, with the kernel option of the missing driver.
  public var devicesNeverStarted: [String] { devices.neverStarted }

  /// The controller to which a display passes the input of keyboard and mouse.
  public var keyboard: KeyboardController { platform.keyboard }

  /// Call when the process's terminal has changed its size.
  public func windowSizeChanged() { consoles.terminal.windowSizeChanged() }

  /// The paths of the pseudo-terminals, with the number of the serial port.
  public var pseudoTerminalPaths: [(port: Int, path: String)] {
    consoles.pseudoTerminals.map { ($0.port, $0.terminal.path) }
  }

  /// Starts the vCPUs.
  public func start() throws(GuestError) {
    try consoles.start()
    try machine.startVCPUs(configuration.machine)
  }

  /// Ends the guest: stops the vCPUs, finishes the requests in flight, flushes the disks and restores the terminal.
  ///
  /// - Returns: the disks whose flush failed, with the reason.
  @discardableResult
  public func shutDown() -> [(path: String, errno: Errno)] {
    machine.stop()
    devices.shutDown()
    let failures = devices.flush()
    consoles.close()
    threads.stop(areDisksQuiet: devices.areDisksQuiet)
    return failures
  }
}
