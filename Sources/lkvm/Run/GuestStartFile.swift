import Hypervisor

/// The file that a guest starts with, opened and checked.
enum GuestStartFile {
  /// A kernel, which gets a root, parameters and an initial RAM disk.
  case kernel(KernelImage)
  /// A program that gets the machine alone.
  case flatBinary(KernelImage)
  /// Firmware, which boots a disk.
  case firmware(FirmwareImage)

  /// Opens the file that the options name, or finds a kernel.
  ///
  /// - Parameters:
  ///   - kernelFile: the kernel as an argument.
  ///   - command: what the guest runs, if anything.
  init(_ options: RunSettings, kernelFile: String?, command: [String]) throws(LkvmFailure) {
    if let path = options.kernel.firmware {
      do throws(BootError) { self = .firmware(try FirmwareImage(path: path)) } catch {
        throw LkvmFailure("--firmware: \(error)")
      }
      return
    }
    let given = options.kernel.kernel ?? kernelFile
    let path = if let given { given } else { try Self.findKernel() }
    let image: KernelImage
    do throws(BootError) { image = try KernelImage(path: path) } catch {
      throw LkvmFailure("--kernel: \(error)")
    }
    if image.isFlatBinary { try Self.refuseSystem(options, command: command, of: "\(path), a flat binary") }
    self = image.isFlatBinary ? .flatBinary(image) : .kernel(image)
  }

  /// The kernel whose system lkvm starts; nil if the guest has a system of its own, or none.
  var kernel: KernelImage? {
    switch self {
    case .kernel(let image): image
    case .flatBinary, .firmware: nil
    }
  }

  /// Refuses options that contradict `--firmware`. Needs no files.
  static func check(_ options: RunSettings, kernelFile: String?, command: [String]) throws(LkvmFailure) {
    guard let path = options.kernel.firmware else { return }
    if options.kernel.kernel != nil || kernelFile != nil {
      throw .usage("--firmware \(path): a kernel is started without firmware, or by a disk's boot loader")
    }
    try refuseSystem(options, command: command, of: "--firmware \(path)")
  }

  /// Refuses options that nothing passes on to `subject`.
  private static func refuseSystem(
    _ options: RunSettings, command: [String], of subject: String
  ) throws(LkvmFailure) {
    let given: [(isGiven: Bool, name: String)] = [
      (options.kernel.initrd != nil, "--initrd"), (!options.kernel.params.isEmpty, "--params"),
      (options.kernel.sandbox != nil, "--sandbox"), (!command.isEmpty, "a command"),
      (options.devices.displayMode != nil, options.devices.sdl ? "--sdl" : "--vnc"),
    ]
    if let first = given.first(where: \.isGiven) {
      throw .usage("\(subject): \(first.name) is for a Linux kernel that lkvm starts itself")
    }
  }

  /// A kernel in the tree around, or the running one's file.
  private static func findKernel() throws(LkvmFailure) -> String {
    do throws(GuestRootError) {
      return try KernelSearch.find(in: KernelSearch.candidates(release: KernelSearch.hostRelease()))
    } catch {
      throw LkvmFailure("--kernel: \(error)")
    }
  }
}
