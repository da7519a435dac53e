import Hypervisor

extension LkvmFailure {
  /// Names the option that a part of the guest comes from.
  init(_ error: GuestError) {
    let option: String? =
      switch error.part {
      case .machine, .host: nil
      case .kvm: "--dev"
      case .vcpuCount: "--cpus"
      case .affinity: "--pin"
      case .memoryNode: "--numa-node"
      case .memory: "--mem"
      case .hugePages: "--hugetlbfs"
      case .merging: "--ksm"
      case .kernel: "--kernel"
      case .firmware: "--firmware"
      case .parameters: "--params"
      case .initrd: "--initrd"
      case .disk: "--disk"
      case .vext: "--vext"
      case .vhostUserDisk: "--vhost-user-blk"
      case .vhostUserFileSystem: "--vhost-user-fs"
      case .share: "--9p"
      case .sharedMemory: "--shmem"
      case .sockets: "--vsock"
      case .network: "--network"
      case .hostDevice: "--vfio-pci"
      case .console: "--console"
      case .display: "--vnc or --sdl"
      }
    self.init(option.map { "\($0): \(error.description)" } ?? error.description)
  }
}
