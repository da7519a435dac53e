import CLinux
import Glibc
import GuestInit
import HostSystem
import Hypervisor
import SystemPackage

/// A guest as the command line describes it, with every default filled in.
struct GuestPlan {
  /// For the hypervisor.
  var configuration: GuestConfiguration
  /// Its network cards.
  var networks: [NetworkOptions]
  /// Whether a window shows its frame buffer.
  var showsWindow: Bool
  /// Whether it runs a command and then ends.
  var runsCommand: Bool

  /// Checks the options and the files that they name.
  ///
  /// - Parameters:
  ///   - machine: what ``machine(_:name:host:)`` made of them.
  ///   - kernelFile: the kernel as an argument.
  ///   - command: what the guest runs, or nothing for a shell or its own system.
  init(
    _ options: RunSettings, machine: MachineConfiguration, kernelFile: String?, command: [String],
    home: String
  ) throws {
    let start = try GuestStartFile(options, kernelFile: kernelFile, command: command)
    let storage = try GuestStorage(
      options, vcpuCount: machine.vcpuCount, home: home, command: command, needsRoot: start.kernel != nil)
    networks = Self.networks(options)
    let console: GuestConfiguration.Console = options.devices.console == .serial ? .serial : .virtio
    // Others than Linux may poll the port.
    let isPiped =
      linux_is_terminal(STDIN_FILENO) == 0 && !options.kernel.nodefaults && start.kernel != nil
    var encodesInput = false
    if case .share(_, .some) = storage.root { encodesInput = isPiped && options.runsCommand(command) }
    let videoMode = options.devices.displayMode
    if videoMode == nil, let mode = options.devices.videoMode {
      StandardError.writeWarning("--vidmode \(mode): no effect without --vnc or --sdl")
    }
    // A shell is for the person at the display, a command's output for the terminal.
    let display: KernelParameters.Display =
      videoMode == nil ? .none : options.runsCommand(command) ? .shown : .preferred
    var parameters = KernelParameters(
      console: console, display: display, root: storage.root, network: nil,
      terminal: Terminal.windowSize(of: STDOUT_FILENO), pipesInput: encodesInput, user: options.kernel.params,
      onlyUser: options.kernel.nodefaults)
    let networkParameter =
      start.kernel == nil ? nil : Self.networkParameter(networks.first, root: storage.root)
    if !options.devices.noDhcp { parameters.network = networkParameter }
    if let first = networks.first, first.mode == .tap, first.hasGuestAddress,
      options.devices.noDhcp || options.kernel.nodefaults || networkParameter == nil
    {
      StandardError.writeWarning(
        "--network: guest_ip=\(first.guestAddress) is ignored: nothing tells the guest of it")
    }
    switch start {
    case .kernel(let kernel):
      let initrd = try GuestInitrd(
        options, kernel: kernel, storage: storage, hasNetwork: !networks.isEmpty, command: command)
      configuration = GuestConfiguration(
        machine: machine, kernel: kernel, initrd: initrd.source, commandLine: parameters.text)
    case .flatBinary(let image):
      StandardError.writeWarning("\(image.path): no kernel; it starts as a flat real-mode binary")
      configuration = GuestConfiguration(machine: machine, kernel: image, commandLine: "")
    case .firmware(let image): configuration = GuestConfiguration(machine: machine, firmware: image)
    }
    configuration.disks = storage.disks
    configuration.vextDisks = storage.vextDisks
    configuration.serviceDisks = storage.serviceDisks
    configuration.vhostUserDisks = storage.vhostUserDisks
    configuration.vhostUserFileSystems = storage.vhostUserFileSystems
    configuration.scsiTargets = options.devices.scsi
    configuration.contextID = options.devices.vsock
    configuration.shares = storage.shares
    configuration.engine = options.devices.ioEngine.kind
    // Opened before the process gives up its rights.
    configuration.sharedMemory = try options.devices.sharedMemory.map { option throws(LkvmFailure) in
      do throws(SharedMemoryError) { return try option.opened() } catch {
        throw LkvmFailure("--shmem: \(error)")
      }
    }
    configuration.hostDevices = try Self.hostDevices(options)
    configuration.hasEntropy = options.devices.rng
    configuration.hasBalloon = options.devices.balloon
    configuration.console = console
    configuration.videoMode = videoMode
    configuration.inputAwaitsDriver = isPiped
    configuration.encodesInput = encodesInput
    configuration.pseudoTerminals = options.devices.tty
    configuration.transport = options.devices.virtioTransport.transport
    configuration.usesIOEventFD = !options.devices.noIoeventfd
    showsWindow = options.devices.sdl
    runsCommand = options.runsCommand(command)
  }
}
