import Foundation
import HostSystem
import Hypervisor
import SystemPackage
import VextProtocol

/// A Linux guest in a machine of ours, whose disk the I/O threads of bench serve, or whose folder virtiofsd or a thread of its own.
final class BuiltinLinuxMachine: GuestMachine {
  private let guest: Guest
  private let index: Int
  private let input: FileDescriptor
  private let output: FileDescriptor
  /// What serves its folder over virtio-fs; nil for the other paths.
  private let server: VirtioFSServer?
  /// Whether a thread of bench serves its folder, over virtio-9p.
  private let hasShareThread: Bool
  /// That thread, from the start on.
  private var shareThread: ProcessThread?
  private var lastShareNanoseconds: UInt64 = 0
  private var lastExits = ExitCounts()
  private var lastNanoseconds: UInt64 = 0

  let peer: PeerRecord? = nil

  /// Boots nothing yet: memory is laid out and every vCPU ready to run.
  ///
  /// - Parameters:
  ///   - diskPath: Its disk, or the folder that it shares.
  ///   - server: virtiofsd, which serves that folder; nil for other paths.
  init(
    index: Int, cell: RunCell, configuration: RunConfiguration, linux: LinuxConfiguration,
    boot: LinuxGuestBoot,
    consolePath: String, diskPath: String, server: VirtioFSServer?, affinity: [CPUSet], memoryNode: Int,
    ioThreads: [IOThread]
  ) throws {
    self.index = index
    self.server = server
    var machine = MachineConfiguration(
      name: "guest\(index)", memoryByteCount: linux.memory.byteCount, vcpuCount: configuration.workerCount,
      vcpuAffinity: affinity, memoryNode: memoryNode)
    machine.prefaultsMemory = true
    machine.sharesMemory = server != nil
    var description = GuestConfiguration(
      machine: machine, kernel: boot.kernel, initrd: boot.initrd, commandLine: boot.commandLine)
    var disk = GuestConfiguration.Disk(
      path: diskPath, isReadOnly: cell.fileSystem == .none && !configuration.writesDisk,
      isDirect: configuration.usesDirectIO, queueCount: configuration.workerCount)
    description.shares = boot.shares
    switch cell.mode {
    case .virtioBlock, .virtioBlockPolled, .virtioBlockTuned: description.disks = [disk]
    case .virtio9P:
      description.shares.append(
        GuestConfiguration.Share(directory: diskPath, tag: GuestScript.dataTag, isReadOnly: false))
    case .virtioFS:
      description.vhostUserFileSystems = [
        GuestConfiguration.VhostUserDevice(
          socketPath: server?.socket ?? "", kind: .fileSystem(tag: GuestScript.dataTag))
      ]
    case .vextService, .vhostUserVextd, .vhostUserStorageDaemon, .host:
      preconditionFailure("no path of a Linux guest")
    case .vext, .vextAdaptive:
      disk.queueCount = Self.vextQueueCount(workerCount: configuration.workerCount)
      description.vextDisks = [disk]
    }
    description.engine = cell.mode.engine(configuration.engine)
    input = try FileDescriptor.open(FilePath("/dev/null"), .readOnly, options: .closeOnExec)
    output = try FileDescriptor.open(
      FilePath(consolePath), .writeOnly, options: [.create, .truncate, .closeOnExec],
      permissions: .ownerReadWrite)
    do throws(GuestError) {
      guest = try Guest(
        description, networks: [], input: input.rawValue, output: output.rawValue, ioThreads: ioThreads,
        startUp: StartUpClock(), machine: PendingMachine(machine))
    } catch {
      try input.close()
      try output.close()
      throw BenchFailure("guest \(index): \(error)", exitCode: .unavailable)
    }
    hasShareThread = cell.mode == .virtio9P
  }

  /// How long a thread may take to give itself its name. An emulated host is slow.
  private static let namingNanoseconds: UInt64 = 10_000_000_000

  /// Finds the thread that serves its folder, once that has given itself its name.
  private func findShareThread() throws -> ProcessThread {
    let end = HostClock.monotonicNanoseconds() + Self.namingNanoseconds
    while true {
      let threads = ProcessThread.named(of: ProcessInfo.processInfo.processIdentifier)
      // As GuestThreads calls it.
      if let found = threads.first(where: { $0.name.hasPrefix("guest\(index)-9p") }) { return found.thread }
      guard HostClock.monotonicNanoseconds() < end else {
        throw BenchFailure("guest \(index): no thread serves its folder", exitCode: .general)
      }
      HostClock.sleep(nanoseconds: 1_000_000)
    }
  }

  /// fuse-vext has a queue for each of its threads, of which there are two for each vCPU and at least four; one for its
  /// regular writer; and one for itself.
  static func vextQueueCount(workerCount: Int) -> Int {
    min(max(4, 2 * workerCount) + 2, Int(VextRegister.queueLimit))
  }

  func start() throws {
    do throws(GuestError) {
      try guest.start()
    } catch {
      throw BenchFailure("guest \(index): \(error)", exitCode: .unavailable)
    }
    if hasShareThread { shareThread = try findShareThread() }
  }

  var vcpuThreads: [ForeignThread] { guest.machine.vcpus.compactMap { $0.thread?.byNumber } }

  func pause() throws { _ = try guest.machine.pause() }

  var hasEnded: Bool { guest.machine.end != nil }

  func exitCounts() throws -> ExitCounts {
    if !hasEnded { lastExits = try guest.exitCounts() }
    return lastExits
  }

  func vcpuNanoseconds() throws -> UInt64 {
    guard !hasEnded else { return lastNanoseconds }
    let sum = try guest.machine.vcpus.reduce(0 as UInt64) { $0 + (try $1.thread?.cpuTimeNanoseconds() ?? 0) }
    lastNanoseconds = sum
    return sum
  }

  /// CPU time of virtiofsd, a process of its own.
  var serverNanoseconds: UInt64 { server?.cpuNanoseconds() ?? 0 }

  func ioThreadNanoseconds() throws -> UInt64 {
    if let shareThread, !hasEnded { lastShareNanoseconds = try shareThread.cpuNanoseconds() }
    return lastShareNanoseconds + serverNanoseconds
  }

  func grantedPlacement() throws -> GrantedPlacement {
    GrantedPlacement(
      ioThreadCPUs: try [server?.grantedCPUs(), shareThread?.thread.grantedCPUs().description].compactMap(
        \.self),
      vcpuCPUs: try guest.machine.vcpus.map { try $0.thread?.grantedCPUs().description ?? "" },
      numaNode: try guest.machine.memory.node(ofPageAt: 0))
  }

  func verdict() throws -> String? {
    SoftwareKVM.isLoaded ? try SoftwareKVM.verdict(on: guest.machine) : nil
  }

  func badEnd() -> String? {
    switch guest.machine.end {
    case .poweredOff, .reset: break
    case .panicked: return "its kernel panicked"
    case .tripleFault: return "it was reset by a triple fault"
    case .crashed(let text): return text
    case .stopped, nil: return "it was stopped"
    }
    guard let status = guest.exitStatus else { return "it ended before its script did" }
    return status == 0 ? nil : "its script failed (\(status))"
  }

  func shutDown() -> [(path: String, errno: Errno)] {
    let failures = guest.shutDown()
    server?.end()
    // Nothing was buffered in them: closing can only fail with EBADF.
    try? input.close()
    try? output.close()
    return failures
  }
}
