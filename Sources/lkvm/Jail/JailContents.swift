import CLinux
import Glibc
import HostSystem
import Hypervisor
import SystemPackage

/// The files below a jail's root: copies of mounts, taken before the root changes and attached after it, so that links below the
/// new root lead nowhere else.
struct JailContents {
  /// A copy of a mount, and its place.
  private final class Piece {
    let path: String
    let isDirectory: Bool
    let tree: OwnedDescriptor

    init(_ path: String, isDirectory: Bool, tree: consuming OwnedDescriptor) {
      (self.path, self.isDirectory) = (path, isDirectory)
      self.tree = tree
    }
  }

  /// The folder below which shared folders are: a share may be the host's whole root.
  static let shares = "/shares"
  private static let multiplexer = "/dev/ptmx"

  private var pieces: [Piece] = []
  private let workingDirectory: String?
  private var usesWorkingDirectory = false
  private var hasPseudoTerminals = false

  /// Nothing yet.
  init() { workingDirectory = HostFileReader.workingDirectory() }

  /// Adds what `rule` allows, at the path that it has outside.
  ///
  /// - Throws: a failure for a file that must be there and cannot be had.
  mutating func add(_ rule: GuestSandbox.Rule) throws(LkvmFailure) {
    // A procfs of the jail's own shows no process but its own.
    guard !rule.path.hasPrefix("/proc/") else { return }
    guard rule.path != Self.multiplexer else { return hasPseudoTerminals = true }
    do throws(Errno) {
      try add(rule.path, at: rule.path, isWritable: rule.access.contains(.write))
    } catch {
      // The error of a path of the user's comes when it is opened.
      guard rule.isOptional else { throw LkvmFailure("--jail: \(rule.path): \(error)") }
    }
  }

  /// Adds the sockets of disks and file systems that other processes serve. A missing one is an error of its own, later.
  mutating func add(sockets configuration: GuestConfiguration) {
    let served = configuration.vhostUserDisks + configuration.vhostUserFileSystems
    for path in served.map(\.socketPath) + configuration.serviceDisks.map(\.socketPath) {
      try? add(path, at: path, isWritable: true)
    }
  }

  /// Adds the shared folders of `configuration`, with all mounts below them, and sets their new paths. One that cannot be had
  /// keeps its path, so that the error which follows names it.
  mutating func moveShares(_ configuration: inout GuestConfiguration) {
    for index in configuration.shares.indices {
      let share = configuration.shares[index]
      let path = "\(Self.shares)/\(index)"
      guard NamedFiles.isDirectory(share.directory),
        (try? add(share.directory, at: path, isWritable: !share.isReadOnly, isRecursive: true)) != nil
      else { continue }
      configuration.shares[index].directory = path
    }
  }

  private mutating func add(
    _ source: String, at path: String, isWritable: Bool, isRecursive: Bool = false
  ) throws(Errno) {
    let mode = try NamedFiles.mode(of: source) & S_IFMT
    var attributes = LINUX_MOUNT_NO_SET_ID | LINUX_MOUNT_NO_PROGRAMS
    // /dev/pts is a folder of devices.
    let hasDevices = mode == S_IFCHR || mode == S_IFBLK || source.hasPrefix("/dev/")
    if !hasDevices { attributes |= LINUX_MOUNT_NO_DEVICES }
    if !hasDevices, !isWritable { attributes |= LINUX_MOUNT_READ_ONLY }
    let tree = OwnedDescriptor(
      adopting: try NamedFiles.copyMount(source, isRecursive: isRecursive, attributes: attributes))
    pieces.append(Piece(try absolute(path), isDirectory: mode == S_IFDIR, tree: tree))
  }

  private mutating func absolute(_ path: String) throws(Errno) -> String {
    guard !path.hasPrefix("/") else { return path }
    guard let workingDirectory else { throw .noSuchFileOrDirectory }
    usesWorkingDirectory = true
    return "\(workingDirectory)/\(path)"
  }

  /// Makes `folder`, or an empty file system if it is nil, the root of the process, with everything that was added.
  func becomeRoot(_ folder: String?) throws(Errno) {
    if let folder {
      let tree = OwnedDescriptor(
        adopting: try NamedFiles.copyMount(
          folder, isRecursive: false,
          attributes: LINUX_MOUNT_NO_SET_ID | LINUX_MOUNT_NO_PROGRAMS | LINUX_MOUNT_NO_DEVICES))
      try NamedFiles.attachMount(tree.rawValue, at: folder)
      try NamedFiles.changeRoot(to: folder)
    } else {
      // Any folder will do: nobody else sees what is mounted there. Swift programs need this one.
      try NamedFiles.mount("tmpfs", at: "/proc", options: "mode=755,size=1m")
      try NamedFiles.changeRoot(to: "/proc")
    }
    try makeDirectories(above: "/proc/self")
    try NamedFiles.mount("proc", at: "/proc", options: "")
    // A folder before what is attached below it.
    for piece in pieces.sorted(by: { $0.path < $1.path }) {
      try makePlace(for: piece)
      try NamedFiles.attachMount(piece.tree.rawValue, at: piece.path)
    }
    if hasPseudoTerminals, !NamedFiles.exists(Self.multiplexer) {
      try NamedFiles.makeSymbolicLink(Self.multiplexer, to: "pts/ptmx")
    }
    if usesWorkingDirectory, let workingDirectory {
      try makeDirectories(above: "\(workingDirectory)/file")
      try NamedFiles.changeDirectory(to: workingDirectory)
    }
    try check(linux_seal_root())
  }

  private func makePlace(for piece: Piece) throws(Errno) {
    try makeDirectories(above: piece.path)
    if piece.isDirectory {
      try makeDirectory(piece.path)
    } else if !NamedFiles.exists(piece.path) {
      _ = try OwnedDescriptor.open(piece.path, flags: O_CREAT | O_EXCL | O_WRONLY, mode: 0o644)
    }
  }

  private func makeDirectory(_ path: String) throws(Errno) {
    guard !NamedFiles.exists(path) else { return }
    try NamedFiles.makeDirectory(path, permissions: 0o755)
    // Whatever the umask.
    try NamedFiles.setPermissions(path, 0o755)
  }

  private func makeDirectories(above path: String) throws(Errno) {
    var folder = ""
    for name in path.split(separator: "/").dropLast() {
      folder += "/\(name)"
      try makeDirectory(folder)
    }
  }
}
