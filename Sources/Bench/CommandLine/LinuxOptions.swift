import ArgumentParser

/// What only a Linux guest has.
struct LinuxOptions: ParsableArguments {
  @Option(
    name: .customLong("fs"),
    help: ArgumentHelp(
      "What is between fio and the data path: none (blocks), ext4 and xfs (the guest kernel's), fuse-vext "
        + "(ours, over vext), fuse-on-virtio (ours, on virtio-blk), fuse2fs-on-virtio; 9p-none and 9p-loose (--mode "
        + "virtio-9p); virtiofs-none, virtiofs-auto and virtiofs-always (--mode virtio-fs); fuse-on-image (--mode host, "
        + "as ext4). Repeatable, or separated by commas. Every --mode is combined with every --fs that works over it; "
        + "vext with none, ext4 or xfs needs scripts/build-driver. Default: ext4,fuse-vext.", valueName: "fs")
  )
  var fileSystemLists: [FileSystemList] = []

  @Option(
    name: .customLong("mkfs"),
    help: ArgumentHelp(
      "The type of the images that bench makes, which the kernel's ext4 and both programs in FUSE mount: ext2, ext3, ext4. "
        + "Default: ext4.", valueName: "type"))
  var imageType: ImageType?

  @Option(
    help: ArgumentHelp(
      "A fio job file, which takes the place of --rw, --bs and the like. include and ${NAME} are resolved on the host; "
        + "fio --parse-only reads it before any boot. docs/linux-guests.md lists what becomes of each option.",
      valueName: "file.fio"))
  var job: String?

  @Option(
    help:
      "How fio asks the guest's kernel for I/O; sync seeks, then reads or writes; io_uring-hipri polls, over vext with none, ext4 or xfs. Default: libaio."
  )
  var ioengine: FioEngine?

  @Option(help: ArgumentHelp("The guests' kernel. Default: the host's own.", valueName: "file"))
  var kernel: String?

  @Option(
    help: ArgumentHelp("An initial RAM disk, unpacked before bench's own. Default: none.", valueName: "file"))
  var initrd: String?

  @Option(
    name: .customLong("params"),
    help: ArgumentHelp("Added to the command line of the guests' kernel.", valueName: "words"))
  var kernelParameters: String?

  @Option(help: "RAM of each guest. Default: 512m.")
  var memory: ByteSize?

  @Option(
    name: .customLong("idle"),
    help:
      "How long a guest's own exits are measured before the workload, idle and computing. Default: as --runtime."
  )
  var idleSpan: TimeSpan?

  /// The options that were given, by name.
  var given: [String] {
    let options: [(name: String, isGiven: Bool)] = [
      ("--fs", !fileSystemLists.isEmpty), ("--mkfs", imageType != nil), ("--job", job != nil),
      ("--ioengine", ioengine != nil),
      ("--kernel", kernel != nil), ("--initrd", initrd != nil), ("--params", kernelParameters != nil),
      ("--memory", memory != nil), ("--idle", idleSpan != nil),
    ]
    return options.filter(\.isGiven).map(\.name)
  }

  /// The file systems that were asked for.
  var fileSystems: [GuestFileSystem] {
    fileSystemLists.isEmpty ? [.ext4, .fuseVext] : fileSystemLists.flatMap(\.fileSystems)
  }

  /// The configuration with defaults filled in.
  ///
  /// - Parameters:
  ///   - defaultKernel: The kernel unless one was named.
  ///   - jobFile: The file that `--job` names, once it was read.
  ///   - runtime: The length of the measured window, if it is known.
  func configuration(defaultKernel: String, jobFile: FioJobFile?, runtime: TimeSpan?) -> LinuxConfiguration {
    LinuxConfiguration(
      kernelPath: kernel ?? defaultKernel, initrdPath: initrd, kernelParameters: kernelParameters ?? "",
      memory: memory ?? ByteSize(byteCount: 512 << 20), ioengine: ioengine ?? .libaio,
      idleSpan: idleSpan ?? runtime ?? .milliseconds(3000), job: jobFile, imageType: imageType)
  }
}

/// One or more file systems, separated by commas.
struct FileSystemList: ExpressibleByArgument {
  /// The file systems, in the order given.
  let fileSystems: [GuestFileSystem]

  /// The file systems that `argument` names, or nil if one of them does not exist.
  init?(argument: String) {
    var fileSystems: [GuestFileSystem] = []
    for name in argument.split(separator: ",", omittingEmptySubsequences: false) {
      guard let fileSystem = GuestFileSystem(rawValue: String(name)) else { return nil }
      fileSystems.append(fileSystem)
    }
    self.fileSystems = fileSystems
  }

  static var allValueStrings: [String] { GuestFileSystem.allCases.map(\.rawValue) }
}
