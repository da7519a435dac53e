import Foundation
import HostSystem
import Hypervisor
import SystemPackage

#if canImport(Glibc)
  import Glibc
#endif

/// The workload of a cell on a file system of the host, without a machine: what the file system does where neither a queue nor a guest is
/// below it.
///
/// Its measurement has no vmexits. The time of the program in FUSE is that of the I/O thread, and fio's that of the vCPUs.
struct HostCell {
  let configuration: RunConfiguration
  let cell: RunCell
  /// The image, with a file system on it.
  let diskPath: String
  /// How that was made.
  let makeFileSystem: [String]
  let watch: InterruptionWatch

  /// Checks that this process may mount file systems.
  static func check() throws {
    guard geteuid() == 0 else {
      throw BenchFailure("--mode host mounts file systems: run it as root", exitCode: .noPermission)
    }
    for (program, package) in [("mount", "mount"), ("losetup", "mount"), ("setpriv", "util-linux")] {
      guard CommandRun.find(program) != nil else {
        throw BenchFailure("\(program) is not installed (Debian: \(package))", exitCode: .unavailable)
      }
    }
  }

  /// Mounts, runs each phase, and unmounts.
  ///
  /// - Throws: ``BenchFailure``; ``RunInterruption`` if the watch said so.
  func measure() throws -> [CellMeasurement] {
    let folder = FileManager.default.temporaryDirectory.resolvingSymlinksInPath()
      .appending(path: "bench-\(UUID().uuidString)").path
    let mountPoint = "\(folder)/mount"
    do {
      try FileManager.default.createDirectory(atPath: mountPoint, withIntermediateDirectories: true)
    } catch {
      throw BenchFailure("cannot make \(mountPoint): \(error.plainWords)", exitCode: .cannotCreate)
    }
    defer {
      // What is still mounted stays: its files are not this run's to remove.
      if !MountedFileSystem.isMounted(mountPoint) { try? FileManager.default.removeItem(atPath: folder) }
    }
    return try measure(in: folder, mountPoint: mountPoint)
  }

  private func measure(in folder: String, mountPoint: String) throws -> [CellMeasurement] {
    let programs = FileSystemPrograms(fuseVext: LinuxRequirements.fuseProgram, fuse2fs: nil)
    let mounted = try MountedFileSystem(
      fileSystem, image: diskPath, at: mountPoint, programs: programs, watch: watch)
    let jobs = try FioJob(
      configuration: configuration, path: cell.path, seed: cell.seed, folder: mountPoint
    ).texts()
    var measurements: [CellMeasurement] = []
    for (phase, job) in jobs.enumerated() {
      if configuration.startsCold == true {
        try PageCache.drop()
        try PageCache.forget(diskPath)
      }
      measurements += try run(job, phase: phase, in: folder, on: mounted)
    }
    try mounted.unmount()
    return measurements
  }

  private var fileSystem: HostFileSystem {
    if cell.fileSystem == .ext4 { return configuration.usesDirectIO ? .ext4 : .ext4Cached }
    return configuration.usesDirectIO ? .fuseVext : .fuseVextCached
  }

  private func run(
    _ text: String, phase: Int, in folder: String, on mounted: MountedFileSystem
  ) throws -> [CellMeasurement] {
    let (jobPath, outputPath) = ("\(folder)/job.\(phase).fio", "\(folder)/fio.\(phase).json")
    guard FileManager.default.createFile(atPath: jobPath, contents: Data(text.utf8)) else {
      throw BenchFailure("cannot write \(jobPath)", exitCode: .cannotCreate)
    }
    let (serverBefore, start) = (mounted.serverNanoseconds, HostClock.monotonicNanoseconds())
    let run = try CommandRun(
      ["fio", "--eta=never", "--output=\(outputPath)", "--output-format=json+", jobPath], watch: watch)
    let serverNanoseconds = mounted.serverNanoseconds &- serverBefore
    let elapsed = Double(HostClock.monotonicNanoseconds() - start) / 1e9
    if watch.isInterrupted { throw RunInterruption() }
    let job = configuration.linux?.job
    let (fio, groups): (FioOutput, [FioOutput])
    do throws(FioOutput.Failure) {
      fio = try FioOutput(
        FileManager.default.contents(atPath: outputPath) ?? Data(), verifies: configuration.verifies)
      groups = try fio.groups(of: job?.phases[phase], verifies: configuration.verifies)
    } catch {
      throw BenchFailure(
        "fio on \(cell.path.name) ended with code \(run.exitCode) and its output cannot be used: \(error)")
    }
    guard run.exitCode == 0 || fio.errors + fio.verifyErrors > 0 else {
      throw BenchFailure("fio on \(cell.path.name) ended with code \(run.exitCode): \(run.output)")
    }
    let verifies = job?.phases[phase].verifies ?? configuration.verifies
    let whole = CellMeasurement(
      guestIndex: 0, requests: fio.requests, bytes: fio.bytes, errors: fio.errors,
      verifiedBlocks: verifies ? fio.readRequests : 0, verifyErrors: fio.verifyErrors,
      elapsedSeconds: fio.jobSeconds, iops: fio.iops, latency: fio.latency, exits: ExitCounts(),
      windowSeconds: fio.measuredSeconds,
      // The part that fell into the measured phase, as if it were spread evenly.
      ioThreadCPUSeconds: Double(serverNanoseconds) / 1e9 * min(1, fio.measuredSeconds / max(elapsed, 1e-9)),
      vcpuCPUSeconds: fio.cpuSeconds, diskByteCount: try DiskSize.byteCount(diskPath),
      granted: GrantedPlacement(
        ioThreadCPUs: [], vcpuCPUs: [try HostThread.currentCPUs().description], numaNode: nil),
      linux: LinuxDetails(
        kernel: KernelFiles(root: "/").word("proc/sys/kernel/osrelease") ?? "", fioVersion: fio.version,
        latencyKind: fio.latencyKind, measuredSeconds: fio.measuredSeconds, clockUncertaintySeconds: 0,
        makeFileSystem: makeFileSystem, job: text,
        console: fio.errors + fio.verifyErrors > 0 ? [run.output] : [], fio: fio.json))
    return whole.parts(groups, ofPhase: phase, job: job)
  }
}

extension FioOutput {
  /// CPU time of fio's jobs within their measured phases, by fio's own account.
  fileprivate var cpuSeconds: Double {
    guard case .array(let jobs)? = json["jobs"] else { return 0 }
    return jobs.reduce(0) { sum, job in
      let percent = (job["usr_cpu"]?.double ?? 0) + (job["sys_cpu"]?.double ?? 0)
      return sum + percent / 100 * (job["job_runtime"]?.double ?? 0) / 1000
    }
  }
}
