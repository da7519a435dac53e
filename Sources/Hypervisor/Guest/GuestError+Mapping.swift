import HostSystem

extension GuestError {
  /// Makes the machine; where memory is what cannot be had, says so.
  static func machine(
    _ configuration: MachineConfiguration, system: borrowing KVMSystem
  ) throws(GuestError) -> Machine {
    do throws(MachineError) {
      return try Machine(configuration, system: system)
    } catch {
      if case .memory = error { throw GuestError(.memory, error.description) }
      throw GuestError(.machine, error.description)
    }
  }

  /// Loads the kernel; where the initial RAM disk is what does not fit or cannot be read, says so.
  static func boot(
    _ image: KernelImage, _ configuration: GuestConfiguration, _ machine: Machine
  ) throws(GuestError) -> LinuxBoot {
    do throws(BootError) {
      return try LinuxBoot(
        image, initrd: configuration.initrd, commandLine: configuration.commandLine, memory: machine.memory,
        vcpuCount: machine.vcpus.count)
    } catch {
      throw GuestError(error.part, error.description)
    }
  }
}

extension BootError {
  /// The part of a guest's configuration that is to blame.
  fileprivate var part: GuestError.Part {
    switch self {
    case .cannotOpen(let file, _), .notARegularFile(let file), .empty(let file), .truncated(let file, _, _),
      .readFailed(let file, _), .notAKernel(let file), .otherArchitecture(let file, _), .noLongMode(let file),
      .protocolTooOld(let file, _), .unsupportedImage(let file, _), .badHeader(let file, _):
      switch file {
      case .kernel: .kernel
      case .initrd: .initrd
      }
    case .initrdTooBig, .cannotMakeInitrd: .initrd
    case .kernelTooBig, .memoryTooSmall: .memory
    case .commandLineTooLong: .parameters
    case .badVCPUCount, .kvm: .machine
    }
  }
}
