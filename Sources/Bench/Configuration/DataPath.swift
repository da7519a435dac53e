/// One column of a comparison: how requests reach the host, and what is above that in the guest.
struct DataPath: Codable, Hashable, Sendable {
  /// How requests reach the host.
  var mode: DataPathMode
  /// What is above that.
  var fileSystem: GuestFileSystem

  /// A path; without a file system unless one is given.
  init(_ mode: DataPathMode, _ fileSystem: GuestFileSystem = .none) {
    self.mode = mode
    self.fileSystem = fileSystem
  }

  /// What a table calls it: `virtio-blk`, `virtio-blk/ext4`; `fuse-vext` and `fuse-on-virtio` are in full as well.
  var name: String { fileSystem == .none ? mode.rawValue : "\(mode.rawValue)/\(fileSystem.rawValue)" }

  enum CodingKeys: String, CodingKey {
    case mode
    case fileSystem = "fs"
  }
}
