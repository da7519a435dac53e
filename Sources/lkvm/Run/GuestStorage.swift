import CLinux
import Glibc
import GuestInit
import Hypervisor

/// The disks and shared folders of a guest, and its root among them.
struct GuestStorage {
  /// The guest's init, decoded once: the root folder and the RAM disk both have it.
  static let initProgram = GuestInitImage.bytes()

  private(set) var disks: [GuestConfiguration.Disk] = []
  private(set) var vextDisks: [GuestConfiguration.Disk] = []
  private(set) var serviceDisks: [GuestConfiguration.ServiceDisk] = []
  private(set) var vhostUserDisks: [GuestConfiguration.VhostUserDevice] = []
  private(set) var vhostUserFileSystems: [GuestConfiguration.VhostUserDevice] = []
  private(set) var shares: [GuestConfiguration.Share] = []
  private(set) var root = KernelParameters.Root.none

  /// Sorts the arguments of `--disk`, `--vext`, `--vhost-user-blk`, `--vhost-user-fs` and `--9p`; creates the default root if none of them can be the root.
  ///
  /// - Parameter needsRoot: whether the guest gets a root from lkvm at all.
  init(
    _ options: RunSettings, vcpuCount: Int, home: String, command: [String], needsRoot: Bool
  ) throws {
    let queueCount = options.devices.diskQueues ?? min(vcpuCount, 64)
    for disk in options.devices.disk {
      if let folder = try Self.rootFolder(disk.path, home) {
        guard disk.isForFolder else {
          throw LkvmFailure.usage(
            "--disk \(disk.path): of the settings only ro and security= are for a folder")
        }
        let security = disk.security ?? Self.security(ofRoot: folder, home: home)
        try addRoot(folder, isReadOnly: disk.isReadOnly, security: security)
      } else {
        guard disk.security == nil else {
          throw LkvmFailure.usage("--disk \(disk.path): security= is for a folder")
        }
        disks.append(
          .init(
            path: disk.path, isReadOnly: disk.isReadOnly, isDirect: disk.isDirect, queueCount: queueCount,
            formats: disk.formats))
      }
    }
    for disk in options.devices.vext {
      let queueCount = disk.queueCount ?? min(vcpuCount, 64)
      switch disk.source {
      case .file(let path):
        vextDisks.append(
          .init(
            path: path, isReadOnly: disk.isReadOnly, isDirect: disk.isDirect, queueCount: queueCount,
            formats: disk.acceptsAnyFormat ? .anyAsRaw : .qcow(QcowOptions()), polls: disk.polls))
      case .service(let socket, let name):
        var served = GuestConfiguration.ServiceDisk(socketPath: socket, name: name, queueCount: queueCount)
        if let seconds = disk.waitSeconds { served.successorTimeoutNanoseconds = seconds * 1_000_000_000 }
        serviceDisks.append(served)
      }
    }
    vhostUserDisks = options.devices.vhostUserBlk.map {
      .init(socketPath: $0.socket, kind: .block(queueCount: $0.queueCount, limit: min(vcpuCount, 64)))
    }
    vhostUserFileSystems = options.devices.vhostUserFs.map {
      .init(socketPath: $0.socket, kind: .fileSystem(tag: $0.tag))
    }
    let fileSystemTags = options.devices.vhostUserFs.map(\.tag)
    for (index, tag) in fileSystemTags.enumerated() where fileSystemTags[..<index].contains(tag) {
      throw LkvmFailure.usage("--vhost-user-fs: the tag '\(tag)' is used twice")
    }
    let hasBlockDevice = !(disks.isEmpty && vhostUserDisks.isEmpty)
    shares += options.devices.shares.map {
      .init(directory: $0.directory, tag: $0.tag, isReadOnly: $0.isReadOnly, security: $0.security)
    }
    let runsCommand = options.runsCommand(command)
    let hasOwnRoot = root != .none || hasBlockDevice || options.kernel.initrd != nil
    let needsDefaultRoot =
      needsRoot && root == .none && (runsCommand || !(hasOwnRoot || options.kernel.nodefaults))
    // Before the root is made, which has two tags.
    var tags = shares.map(\.tag)
    if needsDefaultRoot { tags += [GuestRootDirectory.rootTag, GuestRootDirectory.hostTag] }
    for (index, tag) in tags.enumerated() where tags[..<index].contains(tag) {
      throw LkvmFailure.usage("--9p: the tag '\(tag)' is used twice")
    }
    if needsDefaultRoot {
      let folder = try GuestRootDirectory.openOrCreate(
        in: home, initProgram: Self.initProgram)
      try addRoot(
        folder.path, isReadOnly: false, security: Self.security(ofRoot: folder.path, home: home))
    } else if root == .none, hasBlockDevice {
      root = .firstDisk
    }
  }

  /// The name of the root that `--disk NAME` takes from `home`, which kvmtool names the guest by.
  static func rootName(_ options: RunSettings, home: String) throws -> String? {
    try options.devices.disk.first { disk in
      var status = stat()
      return try unsafe stat(disk.path, &status) != 0 && rootFolder(disk.path, home) != nil
    }?.path
  }

  /// A folder of its own, or the one that `lkvm setup` made under that name; nil for an image.
  private static func rootFolder(_ path: String, _ home: String) throws -> String? {
    var status = stat()
    if unsafe stat(path, &status) == 0 { return status.st_mode & S_IFMT == S_IFDIR ? path : nil }
    guard !path.contains("/") else { return nil }
    return try GuestRootDirectory.list(in: home).first { $0.name == path }?.path
  }

  /// What a root's files may be without `security=`: a root of lkvm's own may have any, if other users do not get into the
  /// folder with the roots.
  private static func security(ofRoot folder: String, home: String) -> NinePSecurity {
    var status = stat()
    guard folder.hasPrefix(home + "/"), unsafe stat(home, &status) == 0, status.st_mode & 0o077 == 0 else {
      return .none
    }
    return .passthrough
  }

  private mutating func addRoot(_ folder: String, isReadOnly: Bool, security: NinePSecurity) throws {
    guard root == .none else { throw LkvmFailure.usage("--disk \(folder): a guest has one root folder") }
    let hasOurInit = unsafe access("\(folder)\(GuestRootDirectory.initPath)", X_OK) == 0
    root = .share(
      tag: GuestRootDirectory.rootTag, initProgram: hasOurInit ? GuestRootDirectory.initPath : nil)
    shares.append(
      .init(directory: folder, tag: GuestRootDirectory.rootTag, isReadOnly: isReadOnly, security: security))
    if hasOurInit {
      shares.append(
        .init(directory: "/", tag: GuestRootDirectory.hostTag, isReadOnly: true, security: .none))
    }
  }
}
