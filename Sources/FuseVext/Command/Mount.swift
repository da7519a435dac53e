import Glibc
import HostSystem
import Synchronization
import SystemPackage

/// The main part of the program: mounts a file system and serves it until it is unmounted.
public struct Mount: ~Copyable {
  private let options: MountOptions
  private let fileSystem: FileSystem
  private let session: FuseSession
  private let resources: ServingResources
  private let signals: SignalDescriptor

  /// Notes about the mount for the user, one line each.
  public let notes: [String]

  /// Mounts. On a failure nothing is mounted, and nothing was written but the replay of a journal.
  ///
  /// Call it in the main thread, before any other is made: it blocks the signals that end it.
  public init(_ options: MountOptions) throws(MountFailure) {
    try Self.checkPlaces(options)
    var options = options
    options.transport = try options.transport.usesRings() ? .ring : .device
    let signals = try Self.blockSignals()
    let (fileSystem, resources, replayedCount) = try Self.openFileSystem(options)
    let server = FuseServer(
      fileSystem: fileSystem, isDirect: options.isDirect, fakesRoot: options.fakesRoot,
      usesRings: options.transport == .ring)
    let session = try FuseSession(
      server: server, mountPoint: options.mountPoint, options: options.fuseOptions)
    try session.mount()
    do throws(Errno) {
      try fileSystem.begin(resources)
    } catch {
      session.unmount()
      throw .device(options.device, error)
    }
    notes = replayedCount.map { ["\(options.device): journal replayed, \($0) transactions"] } ?? []
    fileSystem.failureReport.withLock { $0 = { Background.report($0) } }
    self.options = options
    self.fileSystem = fileSystem
    self.session = session
    self.resources = resources
    self.signals = signals
  }

  private static func blockSignals() throws(MountFailure) -> SignalDescriptor {
    do throws(Errno) {
      return try SignalDescriptor([SIGINT, SIGTERM, SIGHUP])
    } catch {
      throw .fuse("signals: \(error)")
    }
  }

  private static func checkPlaces(_ options: MountOptions) throws(MountFailure) {
    do throws(Errno) {
      guard try FilePath(options.mountPoint).stat().type == .directory else { throw .notDirectory }
    } catch {
      throw .mountPoint(options.mountPoint, error)
    }
    do throws(Errno) {
      _ = try OwnedDescriptor.open("/dev/fuse", flags: O_RDWR)
    } catch {
      switch error {
      case .noSuchFileOrDirectory, .operationNotSupportedByDevice, .noSuchAddressOrDevice:
        throw .fuse("there is no /dev/fuse; load the kernel's module: modprobe fuse")
      default: throw .fuse("/dev/fuse: \(error)")
      }
    }
  }

  /// Opens the device and the file system.
  ///
  /// - Returns: Also how many transactions of its journal were replayed; nil if it needed no recovery.
  private static func openFileSystem(_ options: MountOptions) throws(MountFailure) -> (
    FileSystem, ServingResources, Int?
  ) {
    do throws(MountFailure) {
      let (fileSystem, resources) = try openFileSystem(options, on: try open(options))
      return (fileSystem, resources, fileSystem.replayedTransactionCount)
    } catch .dirtyJournal(let name) where options.isReadOnly && options.vextAddress == nil {
      // As with the kernel, a read-only mount replays the journal too, if the device is writable.
      let count: Int?
      do throws(MountFailure) {
        count = try openFileSystem(options, on: try open(options, forReplay: true)).0.replayedTransactionCount
      } catch .device(_, let error)
        where [.permissionDenied, .readOnlyFileSystem, .notPermitted].contains(error)
      {
        throw .dirtyJournal(name)
      }
      let (fileSystem, resources) = try openFileSystem(options, on: try open(options))
      return (fileSystem, resources, count)
    }
  }

  private static func openFileSystem(
    _ options: MountOptions, on device: any BlockDevice
  ) throws(MountFailure) -> (FileSystem, ServingResources) {
    let resources: ServingResources
    do throws(Errno) {
      resources = try ServingResources(device: device)
    } catch {
      throw .device(options.device, error)
    }
    do throws(MountFailure) {
      let fileSystem = try FileSystem(
        device: device, resources: resources, readOnly: options.isReadOnly, discards: options.discards,
        countsOverhead: options.countsOverhead, durability: options.durability,
        accessTimes: options.accessTimes, attributeSupport: options.attributeSupport,
        leavesJournal: options.leavesJournal, writesJournal: options.writesJournal)
      return (fileSystem, resources)
    } catch .notExt(let name) {
      throw refusal(of: device) ?? .notExt(name)
    }
  }

  /// Serves until the file system is unmounted, or a signal asks for the end. Returns the exit code.
  public consuming func run() throws(MountFailure) -> Int32 {
    let threads: FuseThreads
    do throws(Errno) {
      threads = try FuseThreads(
        session: session, fileSystem: fileSystem,
        // This thread needs one queue, the regular writer another, and beside rings the thread that reads /dev/fuse a third.
        threadCount: max(
          1,
          min(options.servingThreadCount, fileSystem.device.queueLimit - (options.transport == .ring ? 3 : 2))
        ),
        queueCount: options.transport == .ring ? FuseTransport.queueCount : 0, pins: options.pinsThreads,
        writeInterval: options.writeInterval)
      try waitForEnd(threads)
    } catch {
      session.unmount()
      throw .fuse("threads: \(error)")
    }
    threads.stop()
    session.unmount()
    do throws(Errno) {
      try fileSystem.close(resources)
    } catch {
      let failure = MountFailure.device(options.device, error)
      // The failure was reported when it happened.
      if fileSystem.hasReportedFailure { return failure.exitCode }
      throw failure
    }
    return 0
  }

  private func waitForEnd(_ threads: FuseThreads) throws(Errno) {
    let poll = try EventPoll()
    try poll.add(descriptor: signals.rawValue, token: 0)
    try poll.add(descriptor: threads.endedDescriptor, token: 1)
    var events = EventBuffer(capacity: 2)
    while true {
      let count = try poll.wait(timeoutMilliseconds: -1, into: &events)
      for index in 0..<count where events[index] == 1 { return }
      guard count > 0, signals.read() != nil else { continue }
      do throws(Errno) {
        // The kernel writes its dirty pages first; then the threads end, which the next wait reports.
        try session.requestUnmount()
      } catch {
        // The mount is in use; its users get ENOTCONN.
        return
      }
    }
  }
}
