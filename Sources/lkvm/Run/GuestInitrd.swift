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
  ) -> Set<GuestModuleKind> {
    var kinds: Set<GuestModuleKind> = [.virtioPCI, .panicNotifier, .fuse]
    if !(storage.disks.isEmpty && storage.vhostUserDisks.isEmpty) { kinds.formUnion([.blockDevice, .ext4]) }
    if !storage.shares.isEmpty { kinds.insert(.ninePFS) }
    if !storage.vhostUserFileSystems.isEmpty { kinds.insert(.virtioFS) }
    if !options.devices.scsi.isEmpty { kinds.formUnion([.scsi, .ext4]) }
    if options.devices.vsock != nil { kinds.insert(.sockets) }
    if hasNetwork { kinds.insert(.network) }
    if options.devices.console == .virtio { kinds.insert(.console) }
    if options.devices.rng { kinds.insert(.entropy) }
    if options.devices.balloon { kinds.insert(.balloon) }
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
