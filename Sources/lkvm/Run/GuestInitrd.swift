import Glibc
import Hypervisor

/// The guest's initial RAM disk: the user's, or one made from the kernel's modules.
struct GuestInitrd {
  /// The RAM disk to load; nil without one.
  let source: InitrdSource?

  /// Reads the kernel's release and collects its modules, unless the user gives a RAM disk.
  init(
    _ options: RunSettings, kernel: KernelImage, storage: GuestStorage, hasNetwork: Bool, command: [String]
  ) throws {
    if let path = options.kernel.initrd {
      source = InitrdSource(path: path)
      return
    }
    guard storage.root != .none else {
      source = nil
      return
    }
    let kinds = Self.kinds(options, storage: storage, hasNetwork: hasNetwork)
    let files = try kernel.moduleFiles(for: kinds)
    let archive = try Initramfs(
      initProgram: GuestStorage.initProgram, moduleFiles: files, task: Self.task(options, command: command)
    )
    source = InitrdSource(archive: archive)
  }

  private static func kinds(
    _ options: RunSettings, storage: GuestStorage, hasNetwork: Bool
  ) -> [GuestModuleKind] {
    var kinds: [GuestModuleKind] = [.virtioPCI, .panicNotifier, .fuse]
    if !(storage.disks.isEmpty && storage.vhostUserDisks.isEmpty) { kinds += [.blockDevice, .ext4] }
    if !storage.shares.isEmpty { kinds.append(.ninePFS) }
    if !storage.vhostUserFileSystems.isEmpty { kinds.append(.virtioFS) }
    if !options.devices.scsi.isEmpty { kinds += [.scsi, .ext4] }
    if options.devices.vsock != nil { kinds.append(.sockets) }
    if hasNetwork { kinds.append(.network) }
    if options.devices.console == .virtio { kinds.append(.console) }
    if options.devices.rng { kinds.append(.entropy) }
    if options.devices.balloon { kinds.append(.balloon) }
    return kinds
  }

  private static func task(_ options: RunSettings, command: [String]) throws -> GuestTask? {
    guard options.runsCommand(command) else { return nil }
    var script: [UInt8]?
    if let path = options.kernel.sandbox {
      script = try HostFileReader.contents(of: path, option: "--sandbox", limit: 1 << 20)
    }
    let terminal = unsafe getenv("TERM").map { unsafe "TERM=\(String(cString: $0))" }
    return GuestTask(
      arguments: command, script: script, environment: [terminal].compactMap(\.self),
      directory: HostFileReader.workingDirectory())
  }
}
