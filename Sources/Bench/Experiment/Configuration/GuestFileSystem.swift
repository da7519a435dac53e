/// What is between the workload and the data path in a guest.
enum GuestFileSystem: String, CaseIterable, Codable, Sendable {
  /// Nothing: the workload uses blocks of the device.
  case none
  /// The guest kernel's ext4, on virtio-blk or on the block driver for the vext queue; without a machine, the host kernel's.
  case ext4
  /// The guest kernel's XFS, on the same devices.
  case xfs
  /// Our file system in FUSE over the shared queue.
  case fuseVext = "fuse-vext"
  /// The same program on virtio-blk.
  case fuseOnVirtio = "fuse-on-virtio"
  /// The file system in FUSE of e2fsprogs on virtio-blk.
  case fuse2fsOnVirtio = "fuse2fs-on-virtio"
  /// A folder of the host over virtio-9p; the guest caches nothing.
  case ninePUncached = "9p-none"
  /// The same; the guest caches everything and never asks whether the host changed it.
  case ninePLoose = "9p-loose"
  /// A folder of the host that virtiofsd serves; the guest caches nothing.
  case virtioFSUncached = "virtiofs-none"
  /// The same; the guest caches attributes and names for a second, and data until the file is opened again.
  case virtioFSAuto = "virtiofs-auto"
  /// The same; the guest caches everything for as long as it likes.
  case virtioFSAlways = "virtiofs-always"
  /// Our file system on an image of the host, without a machine.
  case fuseOnImage = "fuse-on-image"

  /// Whether a Linux guest can have it over `mode`.
  func works(over mode: DataPathMode) -> Bool { mode.linuxTransport.map(transports.contains) ?? false }

  /// How its requests may reach the host.
  private var transports: [LinuxTransport] {
    switch self {
    case .none, .xfs: [.virtioBlock, .vext]
    case .ext4: [.virtioBlock, .vext, .host]
    case .fuseVext: [.vext]
    case .fuseOnVirtio, .fuse2fsOnVirtio: [.virtioBlock]
    case .ninePUncached, .ninePLoose: [.ninePFS]
    case .virtioFSUncached, .virtioFSAuto, .virtioFSAlways: [.virtioFS]
    case .fuseOnImage: [.host]
    }
  }

  /// The modes over which it works, in words.
  var fittingModes: String { Self.enumeration(DataPathMode.allCases.filter(works).map(\.rawValue)) }

  /// The file systems that work over `mode`, in words.
  static func fitting(_ mode: DataPathMode) -> String {
    enumeration(allCases.filter { $0.works(over: mode) }.map(\.rawValue))
  }

  private static func enumeration(_ words: [String]) -> String {
    guard let last = words.last, words.count > 1 else { return words.first ?? "" }
    return words.dropLast().joined(separator: ", ") + " or " + last
  }

  /// Whether a guest runs our own file system in it.
  var usesFUSE: Bool { self == .fuseVext || self == .fuseOnVirtio }

  /// What bench makes on the disk for it.
  var structure: DiskStructure {
    switch self {
    case .none: .blocks
    case .ext4, .fuseVext, .fuseOnVirtio, .fuse2fsOnVirtio, .fuseOnImage: .ext
    case .xfs: .xfs
    case .ninePUncached, .ninePLoose, .virtioFSUncached, .virtioFSAuto, .virtioFSAlways: .folder
    }
  }

  /// What the guest's kernel caches of a folder of the host, in the word of 9p's option `cache` and of virtiofsd's; nil elsewhere.
  var shareCache: String? {
    switch self {
    case .ninePUncached, .virtioFSUncached: "none"
    case .ninePLoose: "loose"
    case .virtioFSAuto: "auto"
    case .virtioFSAlways: "always"
    case .none, .ext4, .xfs, .fuseVext, .fuseOnVirtio, .fuse2fsOnVirtio, .fuseOnImage: nil
    }
  }
}

/// How requests of a Linux guest reach the host.
enum LinuxTransport: Equatable, Sendable {
  case virtioBlock
  case vext
  case ninePFS
  case virtioFS
  /// There is no guest.
  case host
}

/// What bench makes on a guest's disk, or in its place.
enum DiskStructure: Equatable, Sendable {
  /// Nothing: the workload uses the blocks.
  case blocks
  /// A file system of the ext family: ``ImageType``.
  case ext
  case xfs
  /// A folder of the host.
  case folder
}
