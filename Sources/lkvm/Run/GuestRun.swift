import Glibc
import HostSystem
import Hypervisor
import Logging
import SystemPackage
import UserNetwork

/// The life of a guest from the command line to the exit code. The main thread.
struct GuestRun {
  private let plan: GuestPlan
  private let guest: Guest
  private let networks: GuestNetworks
  private let display: GuestDisplay?
  /// Makes the calling thread, a display's that is older than the restrictions of the process, give up its rights.
  private let restrict: @Sendable () throws -> Void
  /// Whether the guest continues on a KVM that only emulates its kernel.
  private let takesAnyKVM: Bool
  private let options: RunSettings.Debugging

  /// Boots the guest that the options describe, and waits for its end.
  ///
  /// - Returns: the process's exit code.
  static func perform(
    _ options: RunSettings, kernelFile: String?, command: [String], startUp: StartUpClock
  ) throws -> Int32 {
    LogOutput.install(options.debugging)
    options.warnings.forEach(StandardError.writeWarning)
    // Before any thread exists: all of them inherit the blocked signals.
    let signals = try SignalDescriptor([SIGINT, SIGTERM, SIGHUP, SIGWINCH])
    signal(SIGPIPE, SIG_IGN)
    DescriptorLimit.raise()
    let directory = try Instances.directory()
    let name = try options.machine.name ?? GuestStorage.rootName(options, home: directory.path)
    let configuration = try GuestPlan.machine(
      options, name: name ?? "guest-\(getpid())", host: .current(kvm: options.devices.dev))
    let machine = PendingMachine(configuration, kvm: options.devices.dev)
    Self.startLoadingLibrary(options)
    // The first file that is created, because all errors of the options are known by now.
    let statisticsFile = try options.debugging.statsFile.map { path in try StatisticsFile(path: path) }
    let plan = try GuestPlan(
      options, machine: configuration, kernelFile: kernelFile, command: command, home: directory.path)
    let listener = try Self.claim(
      plan.configuration.machine.name, in: directory, wasNamed: options.machine.name != nil)
    let display = try GuestDisplay(
      options.devices, mode: plan.configuration.videoMode, guestName: plan.configuration.machine.name)
    let restrict = try Self.restrict(plan, options, home: directory.path)
    let networks = try GuestNetworks(plan.networks, guestName: plan.configuration.machine.name)
    let code: Int32
    do {
      let run = try GuestRun(
        plan: plan, machine: machine, networks: networks, display: display, restrict: restrict,
        options: options, startUp: startUp)
      code = try run.runUntilEnd(signals: signals, listener: listener)
      run.networks.close()
      try run.tellStatistics(statisticsFile)
    } catch {
      networks.close()
      throw error
    }
    return code
  }

  /// Prints and records the run's statistics, if requested. The guest must have been shut down.
  private func tellStatistics(_ file: consuming StatisticsFile?) throws {
    guard options.stats || file != nil else { return }
    let statistics = try RunStatistics(guest)
    if options.stats { StandardError.write(statistics.text) }
    if let file { try file.append(statistics) }
  }

  /// Begins to load the library of a network in user space, while the files of the options are looked at. Its errors are those of
  /// the network, which waits for it.
  private static func startLoadingLibrary(_ options: RunSettings) {
    guard GuestPlan.networks(options).contains(where: { $0.mode == .user }) else { return }
    _ = try? HostThread(name: "libslirp", cpus: nil) { try? UserNetwork.loadLibrary() }
  }

  /// Gives up the rights that the guest does not need, before the threads exist that serve it.
  ///
  /// - Returns: does the same on the thread of a display that exists already.
  private static func restrict(
    _ plan: GuestPlan, _ options: RunSettings, home: String
  ) throws -> @Sendable () throws -> Void {
    let policy = options.machine.sandboxPolicy
    guard policy != .off else { return {} }
    // What it loads stays loaded, so that the libraries' folders need not stay readable.
    if plan.networks.contains(where: { $0.mode == .user }) {
      do { try UserNetwork.loadLibrary() } catch { throw LkvmFailure("--network: \(error)") }
    }
    let sandbox = GuestSandbox(
      plan, initrd: options.kernel.initrd, home: home, kvm: options.devices.dev)
    let threads = GuestThreadSandbox(plan, home: home)
    for line in try threads.activate(policy) + sandbox.enforce(policy) {
      StandardError.writeWarning("--sandbox-policy \(policy.rawValue): \(line)")
    }
    return {
      if policy == .strict { _ = try sandbox.enforce(policy) }
      try ThreadRestrictions.applyToCurrentThread(as: .display)
    }
  }

  /// Takes the name, so that commands find the guest.
  private static func claim(
    _ name: String, in directory: InstanceDirectory, wasNamed: Bool
  ) throws(LkvmFailure) -> ControlListener {
    do { return try directory.claim(name) } catch {
      if wasNamed { throw LkvmFailure("--name: \(error)") }
      // The name comes from the root: kvmtool names guests so, and another guest may run on the same root.
      throw LkvmFailure(
        error == .nameInUse(name) ? "\(error); give this one another name with --name" : "\(error)")
    }
  }

  private init(
    plan: GuestPlan, machine: PendingMachine, networks: GuestNetworks, display: GuestDisplay?,
    restrict: @escaping @Sendable () throws -> Void, options: RunSettings, startUp: StartUpClock
  ) throws {
    takesAnyKVM = options.machine.anyKvm
    self.options = options.debugging
    self.plan = plan
    self.networks = networks
    self.display = display
    self.restrict = restrict
    do { try plan.configuration.engine.checkAvailability() } catch {
      throw LkvmFailure("--io-engine: \(error)")
    }
    do {
      guest = try Guest(
        plan.configuration, networks: networks.cards, input: 0, output: 1, startUp: startUp, machine: machine)
    } catch {
      throw LkvmFailure(error)
    }
  }

  /// Starts the guest, waits, and shuts it down.
  private func runUntilEnd(
    signals: borrowing SignalDescriptor, listener: consuming ControlListener
  ) throws -> Int32 {
    for (port, path) in guest.pseudoTerminalPaths {
      StandardError.write("lkvm: ttyS\(port) is \(path)\n")
    }
    let signal: Int32?
    do {
      try display?.start(guest, restrict: restrict)
      try guest.start()
      // Commands that came before it wait at the listener.
      let server = try ControlServer(listener, handler: guest)
      defer { server.stop() }
      // No thread is started from now on.
      try ThreadRestrictions.applyToCurrentThread(as: .main)
      ProgramMemory.releaseStartUp()
      signal = try waitForEnd(signals)
    } catch {
      display?.stop()
      guest.shutDown()
      if let error = error as? GuestError { throw LkvmFailure(error) }
      throw error
    }
    let end = guest.machine.end ?? .stopped
    display?.stop()
    let failures = guest.shutDown()
    for (path, errno) in failures {
      StandardError.writeError("disk \(path): the final flush failed, written data may be lost: \(errno)")
    }
    if end == .poweredOff || end == .reset, !guest.startFailed, options.level <= .warning {
      for device in guest.devicesNeverStarted {
        StandardError.writeWarning("the guest did not use its \(device)")
      }
    }
    let hasStarted = !guest.startFailed
    if let message = Self.message(of: end) ?? (hasStarted ? nil : "the guest's system could not be started") {
      // The guest's last output may not end a line, and both may be on one terminal.
      let separator = guest.consoleEndsWithinLine && StandardError.isWhereOutputGoes ? "\n" : ""
      StandardError.write("\(separator)lkvm: error: \(message)\n")
    }
    let code = GuestExit.code(
      end: end, status: guest.exitStatus, ranCommand: plan.runsCommand, startFailed: !hasStarted,
      signal: signal)
    return code == 0 && !failures.isEmpty ? 1 : code
  }

  /// Waits for the end. Returns the signal that requested it; nil if the guest or a command ended the guest.
  private func waitForEnd(_ signals: borrowing SignalDescriptor) throws -> Int32? {
    let poll = try EventPoll()
    try poll.add(descriptor: signals.rawValue, token: 0)
    try poll.add(descriptor: guest.machine.endDescriptor, token: 1)
    var events = EventBuffer(capacity: 2)
    var judges = SoftwareKVM.isLoaded && !takesAnyKVM
    while guest.machine.end == nil {
      let count = try poll.wait(
        timeoutMilliseconds: judges ? SoftwareKVM.patienceMilliseconds : -1, into: &events)
      if judges, count == 0, guest.machine.end == nil {
        judges = false
        if let verdict = try SoftwareKVM.verdict(on: guest.machine) { guest.machine.end(.crashed(verdict)) }
      }
      while let signal = signals.read() {
        if signal == SIGWINCH { guest.windowSizeChanged() } else { return signal }
      }
    }
    return nil
  }

  private static func message(of end: MachineEnd) -> String? {
    switch end {
    case .poweredOff, .reset, .stopped: nil
    case .panicked: "the guest's kernel panicked"
    case .tripleFault: "the guest was reset by a triple fault"
    case .crashed(let text): text
    }
  }
}
