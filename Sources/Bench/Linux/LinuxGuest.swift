import Foundation
import HostSystem
import Hypervisor
import SystemPackage
import VextProtocol

/// A Linux guest with its machine, its device and the folder that it shares with the host.
///
/// The controlling thread makes it, looks after it and ends it.
final class LinuxGuest {
  /// Its number among the guests of a run.
  let index: Int
  /// What it was made of, and runs in.
  let guest: Guest
  /// Its disk.
  let diskPath: String
  /// The job that fio gets.
  let job: String
  private let folder: RunFolder
  private let input: FileDescriptor
  private let output: FileDescriptor
  private var lastExits = ExitCounts()
  private var lastNanoseconds: UInt64 = 0

  /// Boots nothing yet: memory is laid out and every vCPU ready to run.
  init(
    index: Int, cell: RunCell, configuration: RunConfiguration, linux: LinuxConfiguration, folder: RunFolder,
    diskPath: String, affinity: [CPUSet], memoryNode: Int, pollers: [IOThread]
  ) throws {
    self.index = index
    self.folder = folder
    self.diskPath = diskPath
    job =
      FioJob(configuration: configuration, fileSystem: cell.fileSystem, seed: cell.seed &+ UInt64(index)).text
    let script = GuestScript(
      fileSystem: cell.fileSystem, fuseProgram: "/host" + LinuxRequirements.fuseProgram,
      workerCount: configuration.workerCount, idleSpan: linux.idleSpan)
    try Data(job.utf8).write(to: URL(filePath: "\(folder.share(guest: index))/\(GuestScript.File.job)"))
    let kernel: KernelImage
    do throws(BootError) {
      kernel = try KernelImage(path: linux.kernelPath)
    } catch {
      throw BenchFailure("--kernel: \(error)", exitCode: .noInput)
    }
    var machine = MachineConfiguration(
      name: "guest\(index)", memoryByteCount: linux.memory.byteCount, vcpuCount: configuration.workerCount,
      vcpuAffinity: affinity, memoryNode: memoryNode)
    machine.prefaultsMemory = true
    var description = GuestConfiguration(
      machine: machine, kernel: kernel,
      initrd: try Self.initrd(kernel, linux: linux, folder: folder, script: script.text),
      commandLine: Self.commandLine(linux, folder: folder))
    var disk = GuestConfiguration.Disk(
      path: diskPath, isReadOnly: cell.fileSystem == .none && !configuration.writesDisk,
      isDirect: configuration.usesDirectIO, queueCount: configuration.workerCount)
    switch cell.mode {
    case .virtioBlock, .virtioBlockPolled, .virtioBlockTuned: description.disks = [disk]
    case .vext, .vextAdaptive:
      disk.queueCount = Self.vextQueueCount(workerCount: configuration.workerCount)
      description.vextDisks = [disk]
    }
    description.engine = cell.mode.engine(configuration.engine)
    description.shares = [
      .init(directory: folder.root.path, tag: GuestRootDirectory.rootTag, isReadOnly: false),
      .init(directory: "/", tag: GuestRootDirectory.hostTag, isReadOnly: true),
      .init(directory: folder.share(guest: index), tag: GuestScript.shareTag, isReadOnly: false),
    ]
    input = try FileDescriptor.open(FilePath("/dev/null"), .readOnly, options: .closeOnExec)
    output = try FileDescriptor.open(
      FilePath(folder.console(guest: index)), .writeOnly, options: [.create, .truncate, .closeOnExec],
      permissions: .ownerReadWrite)
    do throws(GuestError) {
      guest = try Guest(
        description, networks: [], input: input.rawValue, output: output.rawValue, ioThreads: pollers,
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

  private static func commandLine(_ linux: LinuxConfiguration, folder: RunFolder) -> String {
    KernelParameters(
      console: .serial,
      root: .share(tag: GuestRootDirectory.rootTag, initProgram: GuestRootDirectory.initPath),
      user: ["quiet", linux.kernelParameters].filter { !$0.isEmpty }
    ).text
  }

  /// The user's, then bench's own: the kernel unpacks one over the other.
  private static func initrd(
    _ kernel: KernelImage, linux: LinuxConfiguration, folder: RunFolder, script: String
  ) throws -> InitrdSource {
    do throws(GuestRootError) {
      let files = try kernel.moduleFiles(for: [
        .virtioPCI, .panicNotifier, .fuse, .blockDevice, .ext4, .ninePFS,
      ])
      let archive = try Initramfs(
        initProgram: folder.initProgram, moduleFiles: files, task: GuestTask(script: Array(script.utf8)))
      return InitrdSource((linux.initrdPath.map { [.file(path: $0)] } ?? []) + [.archive(archive)])
    } catch {
      throw BenchFailure("the guest's initial RAM disk: \(error)", exitCode: .unavailable)
    }
  }

  /// A file of the folder that host and guest share.
  func file(_ name: String) -> String { "\(folder.share(guest: index))/\(name)" }

  /// Whether the guest waits for the others, or has ended.
  var isReady: Bool { FileManager.default.fileExists(atPath: file(GuestScript.File.ready)) }

  /// Lets it go on.
  func go() throws {
    guard FileManager.default.createFile(atPath: file(GuestScript.File.go), contents: nil) else {
      throw BenchFailure("cannot make \(file(GuestScript.File.go))", exitCode: .cannotCreate)
    }
  }

  /// Whether it has ended.
  var hasEnded: Bool { guest.machine.end != nil }

  /// vmexits of all vCPUs since they were made; of a guest that has ended, as they were last seen.
  func exitCounts() throws -> ExitCounts {
    if !hasEnded { lastExits = try guest.exitCounts() }
    return lastExits
  }

  /// CPU time of the vCPU threads since they were started; of a guest that has ended, as it was last seen.
  func cpuNanoseconds() throws -> UInt64 {
    guard !hasEnded else { return lastNanoseconds }
    let sum = try guest.machine.vcpus.reduce(0 as UInt64) { $0 + (try $1.thread?.cpuTimeNanoseconds() ?? 0) }
    lastNanoseconds = sum
    return sum
  }

  /// The last lines of its console.
  var consoleTail: [String] { ConsoleTail.lines(of: folder.console(guest: index)) }

  /// Why the guest did not come to its end, with the last lines of its console.
  func failure(_ reason: String, exitCode: BenchFailure.Code = .general) -> BenchFailure {
    BenchFailure(
      "guest \(index): \(reason)\(ConsoleTail.text(of: folder.console(guest: index)))", exitCode: exitCode)
  }

  /// - Throws: ``BenchFailure`` if the guest ended in another way than its script, or the script failed.
  func checkEnd() throws {
    switch guest.machine.end {
    case .poweredOff, .reset: break
    case .panicked: throw failure("its kernel panicked")
    case .tripleFault: throw failure("it was reset by a triple fault")
    case .crashed(let text): throw failure(text)
    case .stopped, nil: throw failure("it was stopped")
    }
    guard let status = guest.exitStatus else { throw failure("it ended before its script did") }
    guard status == 0 else { throw failure("its script failed (\(status))") }
  }

  /// Ends the guest whatever it does, and gives its queues back.
  ///
  /// - Returns: the disks whose flush failed, with the reason.
  func shutDown() -> [(path: String, errno: Errno)] {
    let failures = guest.shutDown()
    // Nothing was buffered in them: closing can only fail for a descriptor that is none.
    try? input.close()
    try? output.close()
    return failures
  }
}
