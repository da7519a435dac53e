/// A function for which a guest needs kernel modules.
public enum GuestModuleKind: CaseIterable, Hashable, Sendable {
  /// PCI functions: every virtio device is one.
  case virtioPCI
  case blockDevice
  case network
  case console
  case entropy
  case balloon
  /// Shared folders of the host.
  case ninePFS
  case ext4
  case xfs
  case fuse
  /// File systems of vhost-user back ends.
  case virtioFS
  /// Disks of a SCSI host.
  case scsi
  /// Sockets between host and guest (AF_VSOCK).
  case sockets
  case overlay
  /// Reports of a panic to the host.
  case panicNotifier

  /// The modules, without those that they depend on.
  var modules: [KernelModules.Request] {
    switch self {
    case .virtioPCI: [required("virtio_pci")]
    case .blockDevice: [required("virtio_blk")]
    case .network: [required("virtio_net")]
    case .console: [required("virtio_console")]
    case .entropy: [optional("virtio_rng")]
    case .balloon: [optional("virtio_balloon")]
    case .ninePFS: [required("9pnet_virtio"), required("9p")]
    // ext4 loads its checksum by name, so that modules.dep does not list it.
    case .ext4: [optional("crc32c_generic"), optional("libcrc32c"), required("ext4")]
    case .xfs: [optional("crc32c_generic"), required("xfs")]
    case .fuse: [optional("fuse")]
    case .virtioFS: [required("virtiofs")]
    case .scsi: [required("virtio_scsi"), required("sd_mod")]
    case .sockets: [required("vmw_vsock_virtio_transport")]
    case .overlay: [optional("overlay")]
    case .panicNotifier: [optional("pvpanic_pci")]
    }
  }

  private func required(_ name: String) -> KernelModules.Request {
    KernelModules.Request(name: name, purpose: purpose, isRequired: true)
  }

  private func optional(_ name: String) -> KernelModules.Request {
    KernelModules.Request(name: name, purpose: purpose, isRequired: false)
  }

  private var purpose: String {
    switch self {
    case .virtioPCI: "virtio devices"
    case .blockDevice: "its disks"
    case .network: "its network"
    case .console: "the virtio console"
    case .entropy: "random numbers"
    case .balloon: "the balloon"
    case .ninePFS: "directories of the host"
    case .ext4: "ext4"
    case .xfs: "XFS"
    case .fuse: "FUSE"
    case .virtioFS: "file systems of the host"
    case .scsi: "its SCSI disks"
    case .sockets: "AF_VSOCK"
    case .overlay: "overlays"
    case .panicNotifier: "telling of a panic"
    }
  }
}
