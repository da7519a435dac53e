/// What a guest starts with, in its memory already.
enum GuestStart {
  case kernel(LinuxBoot)
  case firmware(FirmwareBoot)

  /// Gives the vCPUs their initial state. Call it before they start.
  func prepare(_ machine: Machine) throws(BootError) {
    switch self {
    case .kernel(let boot): try boot.prepare(machine.vcpus.map(\.vcpu))
    case .firmware(let boot): try boot.prepare(machine)
    }
  }
}

extension GuestConfiguration {
  /// Number of entries of a virtio-blk queue.
  ///
  /// SeaBIOS's driver has room for 128. It tells a modern device so; the legacy interface has no way to.
  var blockQueueDepth: Int {
    switch (start, transport) {
    case (.firmware, .legacy): 128
    case (.firmware, .modern), (.kernel, _): 256
    }
  }

  /// Loads the kernel or the firmware into `memory`; attributes errors of the initial RAM disk to that part.
  func loadStart(into memory: GuestMemory) throws(GuestError) -> GuestStart {
    do throws(BootError) {
      switch start {
      case .kernel(let kernel):
        return .kernel(
          try LinuxBoot(
            kernel, initrd: initrd, commandLine: commandLine, memory: memory, vcpuCount: machine.vcpuCount,
            videoMode: videoMode))
      case .firmware(let image):
        // Disks are plugged in first: those of virtio-blk are in the slots behind the bridge's.
        let diskCount = disks.count + vhostUserDisks.count
        return .firmware(
          try FirmwareBoot(
            image, memory: memory, vcpuCount: machine.vcpuCount, bootSlots: Array(1..<diskCount + 1)))
      }
    } catch {
      throw GuestError(error)
    }
  }
}
