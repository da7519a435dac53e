import Foundation
import HostSystem
import Hypervisor
import SystemPackage

/// A Linux guest with its machine and the folder that it shares with the host.
///
/// The controlling thread makes it, looks after it and ends it.
final class LinuxGuest {
  /// Its number among the guests of a run.
  let index: Int
  /// What it runs in.
  let machine: any GuestMachine
  /// Its disk, or the folder that it shares.
  let diskPath: String
  /// What fio gets, phase by phase.
  let jobs: [String]
  /// What it shares with the host.
  let files: UntrustedFolder
  private let folder: RunFolder

  /// Boots nothing yet.
  ///
  /// - Parameter host: The host's KVM.
  init(
    index: Int, cell: RunCell, configuration: RunConfiguration, linux: LinuxConfiguration, folder: RunFolder,
    diskPath: String, placement: RunPlacement, ioThreads: [IOThread], backend: KVMBackend
  ) throws {
    self.index = index
    self.folder = folder
    self.diskPath = diskPath
    do throws(Errno) {
      files = try UntrustedFolder(path: folder.share(guest: index))
    } catch {
      throw BenchFailure("cannot open \(folder.share(guest: index)): \(error)", exitCode: .cannotCreate)
    }
    jobs = try FioJob(
      configuration: configuration, path: cell.path, seed: cell.seed &+ UInt64(index)
    ).texts()
    let script = GuestScript(
      path: cell.path, fuseProgram: "/host" + LinuxRequirements.fuseProgram,
      driver: try Self.blockDriver(of: cell, configuration: configuration, linux: linux),
      workerCount: configuration.workerCount, idleSpan: linux.idleSpan, phaseCount: jobs.count,
      startsCold: configuration.startsCold == true)
    for (phase, job) in jobs.enumerated() {
      try Data(job.utf8).write(
        to: URL(filePath: "\(folder.share(guest: index))/\(GuestScript.File.job(phase))"))
    }
    let boot = try LinuxGuestBoot(
      guest: index, linux: linux, folder: folder, script: script.text, path: cell.path)
    if cell.vmm.isPeer {
      let initrdPath = folder.initrd(guest: index)
      try boot.writeInitrd(to: initrdPath)
      machine = try PeerStart(
        vmm: cell.vmm, configuration: configuration, placement: placement, backend: backend
      ).machine(
        guest: index,
        boot: .linux(
          PeerGuest.Linux(
            kernelPath: linux.kernelPath, initrdPath: initrdPath, commandLine: boot.commandLine,
            shares: boot.shares, consolePath: folder.console(guest: index))),
        memory: linux.memory, diskPath: diskPath,
        isReadOnly: cell.fileSystem == .none && !configuration.writesDisk,
        errorPath: folder.errors(guest: index))
    } else {
      machine = try BuiltinLinuxMachine(
        index: index, cell: cell, configuration: configuration, linux: linux, boot: boot,
        consolePath: folder.console(guest: index), diskPath: diskPath,
        server: try Self.server(
          of: cell, folder: diskPath, configuration: configuration, files: folder, index: index,
          placement: placement),
        affinity: placement.vcpuAffinity(guest: index),
        memoryNode: placement.plan.memoryNode, ioThreads: ioThreads)
    }
  }

  /// virtiofsd, for the path that needs it.
  private static func server(
    of cell: RunCell, folder: String, configuration: RunConfiguration, files: RunFolder, index: Int,
    placement: RunPlacement
  ) throws -> VirtioFSServer? {
    guard cell.mode == .virtioFS else { return nil }
    return try VirtioFSServer(
      folder: folder, cache: cell.fileSystem.shareCache ?? "none", isDirect: configuration.usesDirectIO,
      socket: files.socket(guest: index), errorPath: files.errors(guest: index),
      cpus: placement.ioThreadCPUs(guest: index))
  }

  /// The guest's block driver for the vext queue, and its parameters.
  private static func blockDriver(
    of cell: RunCell, configuration: RunConfiguration, linux: LinuxConfiguration
  ) throws -> [String] {
    guard cell.path.needsBlockDriver else { return [] }
    guard let file = LinuxRequirements.blockDriver(forKernel: linux.kernelPath) else {
      throw BenchFailure("the block driver for the vext queue has gone", exitCode: .unavailable)
    }
    return ["/host\(file)"]
      + BlockDriverParameters.words(cell.mode, linux.ioengine, configuration.workerCount)
  }

  /// A file of the folder that host and guest share.
  func file(_ name: String) -> String { "\(files.path)/\(name)" }

  /// Whether the guest waits for the others before `phase`.
  func isReady(for phase: Int) -> Bool { files.isRegularFile(GuestScript.File.ready(phase)) }

  /// Lets it begin `phase`.
  func go(_ phase: Int) throws {
    do throws(Errno) {
      try files.create(GuestScript.File.go(phase))
    } catch {
      throw BenchFailure("cannot make \(file(GuestScript.File.go(phase))): \(error)", exitCode: .cannotCreate)
    }
  }

  /// Whether it has ended.
  var hasEnded: Bool { machine.hasEnded }

  /// The last lines of its console.
  var consoleTail: [String] { ConsoleTail.lines(of: folder.console(guest: index)) }

  /// Why the guest did not come to its end, with the last lines of its console.
  func failure(_ reason: String, exitCode: BenchFailure.Code = .general) -> BenchFailure {
    BenchFailure(
      "guest \(index): \(reason)\(ConsoleTail.text(of: folder.console(guest: index)))", exitCode: exitCode)
  }

  /// - Throws: ``BenchFailure`` if the guest ended in another way than its script, or the script failed.
  func checkEnd() throws {
    if lateEnd == nil, let reason = machine.badEnd() { throw failure(reason) }
  }

  /// How another VMM died when its guest had done everything and left its last mark: the results are right nevertheless.
  private var lateEnd: String? {
    guard let peer = machine as? PeerMachine, let marks = try? GuestReport.marks(of: self),
      marks.exitCode != nil
    else { return nil }
    return peer.processEnd
  }

  /// What the guest ran in, if that was another VMM.
  var peer: PeerRecord? {
    var record = machine.peer
    record?.badEnd = lateEnd
    return record
  }

  /// Ends the guest whatever it does, and gives its queues back.
  ///
  /// - Returns: the disks whose flush failed, with the reason.
  func shutDown() -> [(path: String, errno: Errno)] { machine.shutDown() }
}
