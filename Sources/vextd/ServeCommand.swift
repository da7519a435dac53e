import ArgumentParser
import Glibc
import HostSystem
import Hypervisor
import Logging
import SystemPackage

/// `vextd --socket PATH --disk NAME=PATH ...`: the service, until SIGTERM or SIGINT.
struct ServeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Serves disks until SIGTERM or SIGINT (the default).")

  /// How many I/O threads there can be.
  static let threadLimits = 1...64

  @Option(
    help: ArgumentHelp(
      "File with these options, a line 'NAME = VALUE' for each; the command line is stronger, and adds disks.",
      valueName: "path"))
  var config: String?

  @Option(
    help: ArgumentHelp(
      "Unix socket to make and to listen at; systemd's, if it passes one.", valueName: "path"))
  var socket: String?

  @Option(
    help: ArgumentHelp(
      "Unix socket to make, at which Prometheus or 'curl --unix-socket' reads metrics.", valueName: "path"))
  var metrics: String?

  @Option(
    help: ArgumentHelp(
      "Disk to serve; repeatable. Its name has letters, digits, '.', '_' and '-'. A disk that can be written has one client at a "
        + "time. Without owner and group, root and the service's user may open it. Machines divide an I/O thread by weight (1 to "
        + "1000, 100 unless given); iops and bps limit the disk's requests and bytes per second, after a burst of "
        + "the given milliseconds (100 unless given).",
      valueName:
        "name=path[,ro][,direct][,format=raw][,owner=uid][,group=gid][,weight=n][,iops=n][,bps=n][,burst=ms]")
  )
  var disk: [ServedDiskOption] = []

  @Option(
    help: ArgumentHelp(
      "Unix socket to make, at which vhost-user front ends such as QEMU and lkvm use the disk of that name as vhost-user-blk; repeatable.",
      valueName: "name=socket"))
  var vhostUser: [VhostUserOption] = []

  @Option(help: "I/O threads; 1 unless given.")
  var threads: Int?

  @Option(
    help: ArgumentHelp(
      "What carries requests out: libaio (unless given), io_uring, sync, memory, which serves a copy of each disk in memory and "
        + "never writes the file, or null, which moves nothing."))
  var engine: String?

  @Flag(help: "Offer no doorbells and no interrupts: an I/O thread polls while a client has a queue enabled.")
  var noSleep = false

  @Flag(
    help: "Let the I/O thread itself carry out libaio's ranges and large transfers through the page cache.")
  var noOffload = false

  @Flag(help: "Leave each queue with the I/O thread that it was given to, however busy that is.")
  var noRebalance = false

  @Flag(help: "Let the I/O threads make any system call, for debugging.")
  var noSandbox = false

  /// The options with what the file says.
  private struct Settings {
    var socket: String
    var metrics: String?
    /// The configuration file, and the disks of the command line.
    var config: String?
    var givenDisks: [ServedDiskOption]
    var disks: [ServedDiskOption]
    var vhostUser: [VhostUserOption]
    var threads: Int
    var engine: BlockEngineKind
    var neverSleeps: Bool
    var offloads: Bool
    var rebalances: Bool
    var isUnrestricted: Bool
  }

  private func settings() throws -> Settings {
    let file: ConfigurationFile
    do { file = try config.map { try ConfigurationFile(path: $0) } ?? ConfigurationFile() } catch {
      guard let failure = error as? ConfigurationFile.Failure else { throw error }
      throw ValidationError(failure.description)
    }
    guard let socket = socket ?? file.socket else { throw ValidationError("--socket: a path is needed") }
    let disks = file.disks + disk
    guard !disks.isEmpty else { throw ValidationError("--disk: at least one is needed") }
    if let name = Self.repeatedName(disks) {
      throw ValidationError("--disk: the name '\(name)' is used twice")
    }
    let threads = threads ?? file.threads ?? 1
    guard Self.threadLimits.contains(threads) else {
      throw ValidationError("--threads \(threads): 1 to 64")
    }
    let word = engine ?? file.engine ?? "libaio"
    guard let engine = BlockEngineKind(rawValue: word) else {
      throw ValidationError("--engine \(word): libaio, io_uring, sync, memory or null")
    }
    return Settings(
      socket: socket, metrics: metrics ?? file.metrics, config: config, givenDisks: disk, disks: disks,
      vhostUser: file.vhostUser + vhostUser, threads: threads, engine: engine,
      neverSleeps: noSleep || file.neverSleeps, offloads: !(noOffload || file.neverOffloads),
      rebalances: !(noRebalance || file.neverRebalances), isUnrestricted: noSandbox)
  }

  private static func repeatedName(_ disks: [ServedDiskOption]) -> String? {
    disks.indices.first { index in disks[..<index].contains { $0.name == disks[index].name } }
      .map { disks[$0].name }
  }

  func run() throws {
    let settings = try settings()
    LoggingSystem.bootstrap { StreamLogHandler.standardError(label: $0) }
    do {
      try Self.serve(settings)
    } catch let failure as VextdFailure {
      throw failure
    } catch {
      throw VextdFailure(description: "\(error)")
    }
  }

  private static func serve(_ settings: Settings) throws {
    // Before any thread is made: all of them inherit the blocked signals.
    let signals = try SignalDescriptor([SIGTERM, SIGINT])
    try settings.engine.checkAvailability()
    // The threads that carry out what guests ask for. Those of clients and the main thread open files and map memory.
    if !settings.isUnrestricted, let obstacle = try GuestSystemCalls.restrict([.io]) {
      StandardError.write(.warning, obstacle, from: "vextd")
    }
    let ioThreads = try (0..<settings.threads).map {
      try IOThread(
        name: "vextd-io\($0)", cpus: nil, waiting: .adaptive, engine: settings.engine,
        offloads: settings.offloads)
    }
    let group = try IOThreadGroup(ioThreads, rebalances: settings.rebalances)
    let service = try makeService(settings, group)
    let isOpenToAll = service.disks.contains { $0.ownerID != geteuid() || $0.groupID != nil }
    let listener = try ServiceSocket(path: settings.socket, isOpenToAll: isOpenToAll)
    let metrics = try settings.metrics.map { try MetricsSocket(path: $0, service: service) }
    let vhostUser = try settings.vhostUser.map { try VhostUserListener($0, service: service) }
    let accepting = try [listener.serve(service)] + vhostUser.map { try $0.serve(service) }
    try SystemdNotification.send("READY=1\nSTATUS=\(settings.disks.count) disks at \(settings.socket)")
    try wait(for: signals)
    try SystemdNotification.send("STOPPING=1")
    metrics?.stop()
    let areGone = service.stop()
    for thread in accepting { thread.join() }
    listener.remove()
    for listener in vhostUser { listener.remove() }
    guard areGone else {
      throw VextdFailure(description: "a client's descriptors block; the process ends without it")
    }
    group.stopRebalancing()
    for thread in ioThreads { thread.stop() }
    for disk in service.disks {
      do throws(Errno) { try disk.image.flush() } catch {
        throw VextdFailure(description: "disk \(disk.image.path): flush: \(error)")
      }
    }
  }

  /// Opens the disks. The service alone has them then, so that they are closed when they are detached.
  private static func makeService(_ settings: Settings, _ group: IOThreadGroup) throws -> VextService {
    let disks = try settings.disks.map { try plan($0, engine: settings.engine).disk() }
    for thread in group.threads { for disk in disks { thread.register(disk: disk.image, memory: nil) } }
    return try VextService(
      disks: disks, group: group, engine: settings.engine, offersSleep: !settings.neverSleeps,
      reload: reload(settings))
  }

  private static func plan(_ option: ServedDiskOption, engine: BlockEngineKind) throws -> VextServiceDiskPlan
  {
    let plan = VextServiceDiskPlan(
      name: option.name, ownerID: option.ownerID ?? geteuid(), groupID: option.groupID, share: option.share
    ) {
      // Requests that a service has answered must outlast it, and the tables of a qcow image are in its memory.
      try DiskImage(
        path: option.path, readOnly: option.isReadOnly, direct: option.isDirect,
        formats: option.acceptsAnyFormat ? .anyAsRaw : .raw, inMemory: engine == .memory)
    }
    guard let plan else {
      throw VextdFailure(
        description: "--disk \(option.name): a name has 1 to 64 letters, digits, '.', '_' and '-'")
    }
    return plan
  }

  /// Reads the configuration file again: its disks as they are now, and those of the command line. Nil without a file.
  private static func reload(_ settings: Settings) -> VextService.Reload? {
    guard let path = settings.config else { return nil }
    let (given, engine) = (settings.givenDisks, settings.engine)
    return {
      let disks = try ConfigurationFile(path: path).disks + given
      if let name = repeatedName(disks) {
        throw VextdFailure(description: "--config \(path): the disk name '\(name)' is used twice")
      }
      return try disks.map { try plan($0, engine: engine) }
    }
  }

  private static func wait(for signals: borrowing SignalDescriptor) throws {
    let poll = try EventPoll()
    try poll.add(descriptor: signals.rawValue, token: 0)
    var events = EventBuffer(capacity: 1)
    while signals.read() == nil { try poll.wait(timeoutMilliseconds: -1, into: &events) }
  }
}
