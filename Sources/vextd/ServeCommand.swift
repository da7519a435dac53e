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

  @Option(help: ArgumentHelp("Unix socket to make and to listen at.", valueName: "path"))
  var socket: String

  @Option(
    help: ArgumentHelp(
      "Disk to serve; repeatable. Its name has letters, digits, '.', '_' and '-'. A disk that can be written has one client at a "
        + "time. Without owner and group, root and the service's user may open it.",
      valueName: "name=path[,ro][,direct][,format=raw][,owner=uid][,group=gid]"))
  var disk: [ServedDiskOption]

  @Option(help: "I/O threads.")
  var threads = 1

  @Option(help: "What carries requests out: libaio, io_uring, sync, or null, which moves nothing.")
  var engine = "libaio"

  func validate() throws {
    guard !disk.isEmpty else { throw ValidationError("--disk: at least one is needed") }
    guard (1...64).contains(threads) else { throw ValidationError("--threads \(threads): 1 to 64") }
    guard BlockEngineKind(rawValue: engine) != nil else {
      throw ValidationError("--engine \(engine): libaio, io_uring, sync or null")
    }
    for (index, each) in disk.enumerated() where disk[..<index].contains(where: { $0.name == each.name }) {
      throw ValidationError("--disk: the name '\(each.name)' is used twice")
    }
  }

  func run() throws {
    LoggingSystem.bootstrap { StreamLogHandler.standardError(label: $0) }
    do {
      // Before any thread is made: all of them inherit the blocked signals.
      let signals = try SignalDescriptor([SIGTERM, SIGINT])
      let engine = BlockEngineKind(rawValue: engine) ?? .libaio
      try engine.checkAvailability()
      let disks = try disk.map(Self.open)
      let ioThreads = try (0..<threads).map {
        try IOThread(name: "vextd-io\($0)", cpus: nil, waiting: .adaptive, engine: engine)
      }
      for thread in ioThreads { for disk in disks { thread.register(disk: disk.image, memory: nil) } }
      let service = try VextService(disks: disks, servers: ioThreads)
      let isOpenToAll = disks.contains { $0.ownerID != geteuid() || $0.groupID != nil }
      let listener = try ServiceSocket(path: socket, isOpenToAll: isOpenToAll)
      let accepting = try listener.serve(service)
      try Self.wait(for: signals)
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
    } catch let failure as VextdFailure {
      throw failure
    } catch {
      throw VextdFailure(description: "\(error)")
    }
  }

  private static func open(_ option: ServedDiskOption) throws -> VextServiceDisk {
    let image = try DiskImage(
      path: option.path, readOnly: option.isReadOnly, direct: option.isDirect,
      acceptsAnyFormat: option.acceptsAnyFormat)
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
