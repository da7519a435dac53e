import Foundation
import GuestInit
import Hypervisor

/// What a Linux guest boots from: the same under every VMM.
struct LinuxGuestBoot {
  /// The kernel.
  let kernel: KernelImage
  /// bench's own initial RAM disk.
  let archive: Initramfs
  /// The user's, which is unpacked before it.
  let userInitrdPath: String?
  /// The kernel's command line.
  let commandLine: String
  /// The folders that the guest mounts.
  let shares: [GuestConfiguration.Share]

  /// - Parameters:
  ///   - script: What the guest runs.
  ///   - folder: Where its root and its share are.
  ///   - path: What it boots in, and what it mounts.
  init(guest index: Int, linux: LinuxConfiguration, folder: RunFolder, script: String, path: DataPath) throws
  {
    do throws(BootError) {
      kernel = try KernelImage(path: linux.kernelPath)
    } catch {
      throw BenchFailure("--kernel: \(error)", exitCode: .noInput)
    }
    do throws(GuestRootError) {
      var kinds: [GuestModuleKind] = [.virtioPCI, .panicNotifier, .fuse, .blockDevice, .ext4, .ninePFS]
      if path.fileSystem.structure == .xfs { kinds.append(.xfs) }
      if path.mode == .virtioFS { kinds.append(.virtioFS) }
      let files = try kernel.moduleFiles(for: kinds)
      archive = try Initramfs(
        initProgram: folder.initProgram, moduleFiles: files, task: GuestTask(script: Array(script.utf8)))
    } catch {
      throw BenchFailure("the guest's initial RAM disk: \(error)", exitCode: .unavailable)
    }
    userInitrdPath = linux.initrdPath
    commandLine =
      KernelParameters(
        console: .serial,
        root: .share(tag: GuestRootDirectory.rootTag, initProgram: GuestRootDirectory.initPath),
        // Nobody changes the host's files during a measurement, which must not wait for fio's.
        user: ["quiet", "lkvm.host=ro,cache=loose", linux.kernelParameters].filter { !$0.isEmpty },
        hasExitPort: !path.vmm.isPeer
      ).text
    shares = [
      // Only the folder's owner gets as far as these files, so that the guest may set all modes.
      .init(
        directory: folder.root(guest: index).path, tag: GuestRootDirectory.rootTag, isReadOnly: false,
        security: .passthrough),
      .init(directory: "/", tag: GuestRootDirectory.hostTag, isReadOnly: true, security: .none),
      .init(
        directory: folder.share(guest: index), tag: GuestScript.shareTag, isReadOnly: false, security: .none),
    ]
  }

  /// The initial RAM disk for a machine of ours: the kernel unpacks one over the other.
  var initrd: InitrdSource {
    InitrdSource((userInitrdPath.map { [.file(path: $0)] } ?? []) + [.archive(archive)])
  }

  /// Writes both as one file, for a VMM that takes one.
  func writeInitrd(to path: String) throws {
    var bytes = Data()
    if let userInitrdPath {
      guard let user = FileManager.default.contents(atPath: userInitrdPath) else {
        throw BenchFailure("--initrd: cannot read \(userInitrdPath)", exitCode: .noInput)
      }
      // The kernel looks for the next archive at multiples of four bytes.
      bytes = user + Data(count: (4 - user.count % 4) % 4)
    }
    do throws(GuestRootError) {
      bytes += try archive.archive()
    } catch {
      throw BenchFailure("the guest's initial RAM disk: \(error)", exitCode: .unavailable)
    }
    do {
      try bytes.write(to: URL(filePath: path))
    } catch {
      throw BenchFailure("cannot write \(path): \(error.plainWords)", exitCode: .cannotCreate)
    }
  }
}
