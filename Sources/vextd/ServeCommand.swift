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

  @Option(help: ArgumentHelp("Unix socket to make and to listen at.", valueName: "path"))
  var socket: String?

  @Option(
    help: ArgumentHelp(
      "Disk to serve; repeatable. Its name has letters, digits, '.', '_' and '-'. A disk that can be written has one client at a "
        + "time. Without owner and group, root and the service's user may open it.",
      valueName: "name=path[,ro][,direct][,format=raw][,owner=uid][,group=gid]"))
  var disk: [ServedDiskOption] = []

  @Option(help: "I/O threads; 1 unless given.")
  var threads: Int?

  @Option(
    help: "What carries requests out: libaio (unless given), io_uring, sync, or null, which moves nothing.")
  var engine: String?

  @Flag(help: "Offer no doorbells and no interrupts: an I/O thread polls while a client has a queue enabled.")
  var noSleep = false

  @Flag(
    help: "Let the I/O thread itself carry out libaio's ranges and large transfers through the page cache.")
  var noOffload = false

  /// The options with what the file says.
  private struct Settings {
    var socket: String
    var disks: [ServedDiskOption]
    var threads: Int
    var engine: BlockEngineKind
    var neverSleeps: Bool
    var offloads: Bool
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
    for (index, each) in disks.enumerated() where disks[..<index].contains(where: { $0.name == each.name }) {
      throw ValidationError("--disk: the name '\(each.name)' is used twice")
    }
    let threads = threads ?? file.threads ?? 1
    guard Self.threadLimits.contains(threads) else {
      throw ValidationError("--threads \(threads): 1 to 64")
    }
    let word = engine ?? file.engine ?? "libaio"
    guard let engine = BlockEngineKind(rawValue: word) else {
      throw ValidationError("--engine \(word): libaio, io_uring, sync or null")
    }
    return Settings(
      socket: socket, disks: disks, threads: threads, engine: engine,
      neverSleeps: noSleep || file.neverSleeps, offloads: !(noOffload || file.neverOffloads))
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
    let disks = try settings.disks.map(open)
    let ioThreads = try (0..<settings.threads).map {
      try IOThread(
        name: "vextd-io\($0)", cpus: nil, waiting: .adaptive, engine: settings.engine,
        offloads: settings.offloads)
    }
    for thread in ioThreads { for disk in disks { thread.register(disk: disk.image, memory: nil) } }
    let service = try VextService(
      disks: disks, servers: ioThreads, engine: settings.engine, offersSleep: !settings.neverSleeps)
    let isOpenToAll = disks.contains { $0.ownerID != geteuid() || $0.groupID != nil }
    let listener = try ServiceSocket(path: settings.socket, isOpenToAll: isOpenToAll)
    let accepting = try listener.serve(service)
    try wait(for: signals)
    let areGone = service.stop()
    accepting.join()
    listener.remove()
    guard areGone else {
      throw VextdFailure(description: "a client's descriptors block; the process ends without it")
    }
    for thread in ioThreads { thread.stop() }
    for disk in disks {
      do throws(Errno) { try disk.image.flush() } catch {
        throw VextdFailure(description: "disk \(disk.image.path): flush: \(error)")
      }
    }
  }

  private static func open(_ option: ServedDiskOption) throws -> VextServiceDisk {
    let image = try DiskImage(
      path: option.path, readOnly: option.isReadOnly, direct: option.isDirect,
      // Requests that a service has answered must outlast it, and the tables of a qcow image are in its memory.
      formats: option.acceptsAnyFormat ? .anyAsRaw : .raw)
    guard
      let disk = VextServiceDisk(
        name: option.name, image: image, ownerID: option.ownerID ?? geteuid(), groupID: option.groupID)
    else {
      throw VextdFailure(
        description: "--disk \(option.name): a name has 1 to 64 letters, digits, '.', '_' and '-'")
    }
    return disk
  }

  private static func wait(for signals: borrowing SignalDescriptor) throws {
    let poll = try EventPoll()
    try poll.add(descriptor: signals.rawValue, token: 0)
    var events = EventBuffer(capacity: 1)
    while signals.read() == nil { try poll.wait(timeoutMilliseconds: -1, into: &events) }
  }
}
