import HostSystem
import Hypervisor
import SystemPackage
import VextProtocol

/// A Linux guest in a machine of ours, whose disk the I/O threads of bench serve.
final class BuiltinLinuxMachine: GuestMachine {
  private let guest: Guest
  private let index: Int
  private let input: FileDescriptor
  private let output: FileDescriptor
  private var lastExits = ExitCounts()
  private var lastNanoseconds: UInt64 = 0

  let peer: PeerRecord? = nil

  /// Boots nothing yet: memory is laid out and every vCPU ready to run.
  init(
    index: Int, cell: RunCell, configuration: RunConfiguration, linux: LinuxConfiguration,
    boot: LinuxGuestBoot,
    consolePath: String, diskPath: String, affinity: [CPUSet], memoryNode: Int, ioThreads: [IOThread]
  ) throws {
    self.index = index
    var machine = MachineConfiguration(
      name: "guest\(index)", memoryByteCount: linux.memory.byteCount, vcpuCount: configuration.workerCount,
      vcpuAffinity: affinity, memoryNode: memoryNode)
    machine.prefaultsMemory = true
    var description = GuestConfiguration(
      machine: machine, kernel: boot.kernel, initrd: boot.initrd, commandLine: boot.commandLine)
    var disk = GuestConfiguration.Disk(
      path: diskPath, isReadOnly: cell.fileSystem == .none && !configuration.writesDisk,
      isDirect: configuration.usesDirectIO, queueCount: configuration.workerCount)
    switch cell.mode {
    case .virtioBlock, .virtioBlockPolled, .virtioBlockTuned: description.disks = [disk]
    case .vextService, .vhostUserVextd, .vhostUserStorageDaemon:
      preconditionFailure("no path of a Linux guest")
    case .vext, .vextAdaptive:
      disk.queueCount = Self.vextQueueCount(workerCount: configuration.workerCount)
      description.vextDisks = [disk]
    }
    description.engine = cell.mode.engine(configuration.engine)
    description.shares = boot.shares
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

  func ioThreadNanoseconds() -> UInt64 { 0 }

  func grantedPlacement() throws -> GrantedPlacement {
    GrantedPlacement(
      ioThreadCPUs: [],
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
    // Nothing was buffered in them: closing can only fail with EBADF.
    try? input.close()
    try? output.close()
    return failures
  }
}
