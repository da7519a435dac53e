import Glibc
import HostSystem
import Hypervisor
import Logging
import SystemPackage

/// The life of a guest from the command line to the exit code. The main thread.
struct GuestRun {
  private let plan: GuestPlan
  private let guest: Guest
  private let networks: GuestNetworks
  private let display: GuestDisplay?
  /// Makes the calling thread, a display's that is older than the restrictions of the process, give up its rights.
  private let restrict: @Sendable () throws -> Void
  /// Whether the guest must show within a few seconds that KVM does not only emulate its kernel.
  private let judgesKVM: Bool
  private let isJailed: Bool
  private let options: RunSettings.Debugging

  /// Boots the guest that the options describe, and waits for its end.
  ///
  /// - Returns: the process's exit code.
  static func perform(
    _ options: RunSettings, kernelFile: String?, command: [String], startUp: StartUpClock
  ) throws -> Int32 {
    LogOutput.install(options.debugging)
    options.warnings.forEach(StandardError.writeWarning)
    let directory = try Instances.directory()
    let name = try options.machine.name ?? GuestStorage.rootName(options, home: directory.path)
    let guestName = name ?? "guest-\(getpid())"
    if options.machine.name != nil {
      do throws(InstanceError) { _ = try directory.socketPath(of: guestName) } catch {
        throw LkvmFailure.usage("--name: \(error)")
      }
    }
    let jail = try options.machine.jail.map { option throws(LkvmFailure) in
      try Jail.isolate(option, options, from: directory, named: guestName)
    }
    // Before any thread exists: all of them inherit the blocked signals.
    let signals = try SignalDescriptor([SIGINT, SIGTERM, SIGHUP, SIGWINCH])
    signal(SIGPIPE, SIG_IGN)
    DescriptorLimit.raise()
    let configuration = try GuestPlan.machine(
      options, name: guestName, host: .current(kvm: options.devices.dev))
    // Before lkvm gives up the right to start programs, and before it maps the guest's memory, which a waiting process would copy.
    let processes = try GuestNetworks.startProcesses(options, user: jail?.user)
    let machine = PendingMachine(configuration, kvm: options.devices.dev)
    // The first file that is created, because all errors of the options are known by now.
    let statisticsFile = try options.debugging.statsFile.map { path in try StatisticsFile(path: path) }
    var plan = try GuestPlan(
      options, machine: configuration, kernelFile: kernelFile, command: command, home: directory.path)
    let listener = try Self.claim(
      plan.configuration.machine.name, in: directory, wasNamed: options.machine.name != nil)
    let display = try GuestDisplay(
      options.devices, mode: plan.configuration.videoMode, guestName: plan.configuration.machine.name)
    // There is no /sys in a jail.
    let judgesKVM = SoftwareKVM.isLoaded && !options.machine.anyKvm
    // Its thread has root's rights.
    if jail != nil {
      machine.settle()
      // They load their libraries outside.
      for process in processes { try process.waitUntilReady() }
    }
    let restrict = try Self.restrict(
      &plan, options, home: directory.path, socket: listener.path, jail: jail)
    let networks = try GuestNetworks(plan.networks, processes: processes)
    let code: Int32
    do {
      let run = try GuestRun(
        plan: plan, machine: machine, networks: networks, display: display, restrict: restrict,
        options: options, judgesKVM: judgesKVM, startUp: startUp)
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

  /// Gives up the rights that the guest does not need, before the threads exist that serve it.
  ///
  /// - Parameter socket: the control socket's file, which goes if the process ends because a thread keeps its rights.
  /// - Returns: does the same on the thread of a display that exists already.
  private static func restrict(
    _ plan: inout GuestPlan, _ options: RunSettings, home: String, socket: String, jail: Jail?
  ) throws -> @Sendable () throws -> Void {
    let policy = options.machine.sandboxPolicy
    guard policy != .off || jail != nil else { return {} }
    let unfiltered = try GuestThreadSandbox(plan, home: home, isJailed: jail != nil).activate(
      policy,
      // Without its file the socket is nobody's; an error leaves a file that the next guest of the name replaces.
      cleanUp: { try? UnixSocket.remove(path: socket) })
    func collect(_ plan: GuestPlan) -> GuestSandbox {
      GuestSandbox(
        plan, initrd: options.kernel.initrd, home: home, kvm: options.devices.dev, isJailed: jail != nil)
    }
    // Before Landlock, which forbids mounts.
    if let jail {
      let rules = collect(plan).rules
      try jail.enter(&plan, rules: rules)
    }
    let sandbox = collect(plan)
    for line in try unfiltered + sandbox.enforce(policy) {
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
    restrict: @escaping @Sendable () throws -> Void, options: RunSettings, judgesKVM: Bool,
    startUp: StartUpClock
  ) throws {
    self.judgesKVM = judgesKVM
    isJailed = options.machine.jail != nil
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
      if isJailed { try Jail.giveUpCapabilities() }
      try display?.start(guest, restrict: restrict)
      try guest.start()
      // libslirp is loaded while the guest's kernel unpacks itself.
      try networks.begin()
      // Commands that came before it wait at the listener.
      let server = try ControlServer(listener, handler: guest)
      defer { server.stop() }
      // lkvm starts no thread from here on.
      try ThreadRestrictions.applyToCurrentThread(as: .main)
      signal = try waitForEnd(signals)
    } catch {
      display?.stop()
      guest.shutDown()
      endConsoleLine()
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
      endConsoleLine()
      StandardError.writeError(message)
    }
    let code = GuestExit.code(
      end: end, status: guest.exitStatus, ranCommand: plan.runsCommand, startFailed: !hasStarted,
      signal: signal)
    return code == 0 && !failures.isEmpty ? 1 : code
  }

  /// Ends the line of the guest's last output before a message, because both may be on one terminal.
  private func endConsoleLine() {
    if guest.consoleEndsWithinLine, StandardError.isWhereOutputGoes { StandardError.write("\n") }
  }

  /// Of the first process of a network in user space.
  private static let networkToken: UInt64 = 2

  private static let judgementNanoseconds = UInt64(SoftwareKVM.judgementMilliseconds) * 1_000_000

  /// The time until `deadline`, at least 1 ms if it is yet to come; -1, for ever, if there is none.
  private static func milliseconds(until deadline: UInt64?) -> Int32 {
    guard let deadline else { return -1 }
    let now = HostClock.monotonicNanoseconds()
    return deadline > now ? Int32(clamping: (deadline - now) / 1_000_000 + 1) : 0
  }

  /// Waits for the end. Returns the signal that requested it; nil if the guest or a command ended the guest.
  private func waitForEnd(_ signals: borrowing SignalDescriptor) throws -> Int32? {
    let poll = try EventPoll()
    try poll.add(descriptor: signals.rawValue, token: 0)
    try poll.add(descriptor: guest.machine.endDescriptor, token: 1)
    let channels = networks.channelDescriptors
    for (index, descriptor) in channels.enumerated() {
      try poll.add(descriptor: descriptor, token: UInt64(index) + Self.networkToken)
    }
    var events = EventBuffer(capacity: 2)
    var judgement: UInt64? = judgesKVM ? HostClock.monotonicNanoseconds() + Self.judgementNanoseconds : nil
    var hasReleased = false
    while guest.machine.end == nil {
      // Once nothing of the start is under way any more.
      if !hasReleased, networks.deadline == nil {
        ProgramMemory.releaseStartUp()
        hasReleased = true
      }
      let deadline = [judgement, networks.deadline].compactMap(\.self).min()
      let count = try poll.wait(timeoutMilliseconds: Self.milliseconds(until: deadline), into: &events)
      let now = HostClock.monotonicNanoseconds()
      if let time = judgement, time <= now, guest.machine.end == nil {
        judgement = nil
        if let verdict = try SoftwareKVM.verdict(on: guest.machine) { guest.machine.end(.crashed(verdict)) }
      }
      try networks.checkDeadlines(now)
      for index in 0..<count where events[index] >= Self.networkToken {
        let index = Int(events[index] - Self.networkToken)
        guard try !networks.isStillThere(index) else { continue }
        try poll.remove(descriptor: channels[index])
        StandardError.writeError(
          "--network: the process of libslirp has ended; the guest's card has no network any more")
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
