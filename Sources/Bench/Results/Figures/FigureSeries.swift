import Hypervisor

/// What a figure tells apart by colour: a data path, and the hypervisor that it ran under.
struct FigureSeries: Hashable, Sendable {
  /// How requests reach the host, and what is above that in the guest.
  let path: DataPath
  /// The hypervisor.
  let vmm: VMM

  /// The series that `row` belongs to.
  init(_ row: Row) throws(CSVText.Fault) {
    let mode = row.text(\.mode) ?? ""
    let fileSystem = row.text(\.fileSystem) ?? ""
    guard let knownMode = DataPathMode(rawValue: mode) else {
      throw CSVText.Fault(line: row.line, reason: "'\(mode)' is not a mode of bench")
    }
    guard let knownFileSystem = GuestFileSystem(rawValue: fileSystem) else {
      throw CSVText.Fault(line: row.line, reason: "'\(fileSystem)' is not a file system of bench")
    }
    let vmm = row.text(\.vmm) ?? ""
    guard let knownVMM = VMM(rawValue: vmm) else {
      throw CSVText.Fault(line: row.line, reason: "'\(vmm)' is not a VMM of bench")
    }
    path = DataPath(knownMode, knownFileSystem)
    self.vmm = knownVMM
  }

  /// The series of `path` in a machine of bench's own.
  init(_ path: DataPath) {
    self.path = path
    vmm = .builtin
  }

  /// What a legend calls it.
  var name: String { vmm.isPeer ? "\(path.name) (\(vmm.rawValue))" : path.name }

  /// Its colour, the same in all figures: of Okabe and Ito's palette, whose colours differ for every kind of colour vision and
  /// in lightness.
  var colour: String {
    guard !vmm.isPeer else { return path.mode == .virtioBlock ? "#000000" : "#666666" }
    if let colour = fileSystemColour { return colour }
    return switch path.mode {
    case .virtioBlock: "#D55E00"
    case .virtioBlockPolled: "#E69F00"
    case .virtioBlockTuned: "#CC79A7"
    case .vext: "#0072B2"
    case .vextAdaptive: "#56B4E9"
    // Behind the palette's eight: a dark blue, a dark red and a dark green.
    case .vextService: "#332288"
    case .vhostUserVextd: "#882255"
    case .vhostUserStorageDaemon: "#117733"
    case .virtio9P: "#AA4499"
    case .virtioFS: "#44AA99"
    case .host: "#999999"
    }
  }

  /// The colour of a file system that does not have its mode's.
  private var fileSystemColour: String? {
    switch path.fileSystem {
    case .none, .fuseVext, .ninePUncached, .virtioFSUncached: nil
    case .fuseOnVirtio: "#009E73"
    // The kernel's file systems on the queue, beside fuse-vext on the queue.
    case .ext4: path.needsBlockDriver ? "#F0E442" : nil
    case .xfs: path.needsBlockDriver ? "#DDCC77" : "#661100"
    case .fuse2fsOnVirtio: "#999933"
    // The more the guest caches, the darker or the lighter the mode's colour.
    case .ninePLoose: "#DDAACC"
    case .virtioFSAuto: "#88DDCC"
    case .virtioFSAlways: "#225555"
    case .fuseOnImage: "#3366AA"
    }
  }

  /// gnuplot's number of its point: shapes tell series apart where colours are not printed.
  var pointType: Int {
    switch path.mode {
    case .virtioBlock: 5
    case .virtioBlockPolled: 9
    case .virtioBlockTuned: 11
    case .vext: 7
    case .vextAdaptive: 13
    case .vextService: 1
    case .vhostUserVextd: 15
    case .vhostUserStorageDaemon: 2
    case .virtio9P: 3
    case .virtioFS: 4
    case .host: 6
    }
  }

  /// gnuplot's number of its dashes.
  var dashType: Int {
    switch path.fileSystem {
    case .none, .fuseVext, .ninePUncached, .virtioFSUncached: 1
    case .ext4, .virtioFSAuto: 2
    case .xfs, .ninePLoose, .virtioFSAlways: 3
    case .fuseOnVirtio, .fuseOnImage: 4
    case .fuse2fsOnVirtio: 5
    }
  }

  /// Order in legends: modes as `--mode` lists them, then what is above them.
  static func precedes(_ left: FigureSeries, _ right: FigureSeries) -> Bool {
    left.rank < right.rank
  }

  private var rank: (Int, String, String) {
    (
      DataPathMode.allCases.firstIndex(of: path.mode) ?? 0, vmm.isPeer ? vmm.rawValue : "",
      path.fileSystem.rawValue
    )
  }
}
