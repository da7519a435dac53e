import Foundation
import Hypervisor

/// What a Linux guest needs of the host beside KVM.
enum LinuxRequirements {
  /// The running kernel's file, else the newest one that is installed with its modules.
  static func defaultKernel() throws(GuestRootError) -> String {
    try KernelSearch.find(
      in: KernelSearch.installed(release: KernelSearch.hostRelease())
        + installedReleases().map { "/boot/vmlinuz-\($0)" })
  }

  /// The kernels that have modules below `modules`, the newest first.
  static func installedReleases(modules: String = "/lib/modules") -> [String] {
    let releases = (try? FileManager.default.contentsOfDirectory(atPath: modules)) ?? []
    return releases.sorted { $0.compare($1, options: .numeric) == .orderedDescending }
  }

  /// Where fuse-vext is: beside bench, which the same build made.
  static var fuseProgram: String { FileSystemPrograms.defaultFuseVext }

  /// The block driver for the vext queue that scripts/build-driver or DKMS built for the kernel at `path`; nil if neither did.
  ///
  /// - Parameter build: The folder of the package's builds, which has bench's own in it.
  static func blockDriver(
    forKernel path: String,
    build: URL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
  ) -> String? {
    guard let image = try? KernelImage(path: path), let release = image.kernelRelease else { return nil }
    let updates = "/lib/modules/\(release)/updates"
    return [
      build.appending(path: "driver/\(release)/vext.ko").path, "\(updates)/vext.ko",
      "\(updates)/dkms/vext.ko",
    ].first { FileManager.default.isReadableFile(atPath: $0) }
  }

  /// Why no Linux guest boots on a host with the KVM `backend`; nil if one does.
  static func refusal(on backend: KVMBackend) -> BenchFailure? {
    guard backend == .pvm else { return nil }
    return BenchFailure(
      "a Linux guest cannot run here: this KVM (kvm_pvm, in software) cannot run an unmodified kernel; "
        + "'scripts/bench --testbed run ...' runs it in the virtual host", exitCode: .unavailable)
  }

  /// What is missing for `fileSystems`, in words; nil if nothing is.
  static func missing(for fileSystems: [GuestFileSystem], kernelPath: String?) -> String? {
    if CommandRun.find("fio") == nil { return "fio is not installed" }
    if CommandRun.find("bash") == nil { return "bash is not installed" }
    if fileSystems.contains(where: { $0.structure == .ext }), CommandRun.find("mkfs.ext4") == nil {
      return "mkfs.ext4 is not installed (Debian: e2fsprogs)"
    }
    if fileSystems.contains(where: { $0.structure == .xfs }), CommandRun.find("mkfs.xfs") == nil {
      return "mkfs.xfs is not installed (Debian: xfsprogs)"
    }
    if fileSystems.contains(.fuse2fsOnVirtio), CommandRun.find("fuse2fs") == nil {
      return "fuse2fs is not installed (Debian: \(FileSystemPrograms.fuse2fsPackage))"
    }
    if fileSystems.contains(where: { $0.works(over: .virtioFS) }), VirtioFSServer.Program.installed == nil {
      return VirtioFSServer.absence
    }
    if fileSystems.contains(where: { $0.usesFUSE || $0 == .fuseOnImage }), CommandRun.find(fuseProgram) == nil
    {
      return "\(fuseProgram) is not there: build the product fuse-vext"
    }
    do throws(GuestRootError) {
      if kernelPath == nil { _ = try defaultKernel() }
    } catch {
      return "the host's kernel (--kernel): \(error)"
    }
    return nil
  }
}
