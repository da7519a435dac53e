import HostSystem
import Hypervisor

/// `--jail USER[,chroot=DIR][,cgroup=PATH]`: the user, the root and the control group of the guest's process.
struct JailOption: Equatable {
  /// A user's name, or two numbers UID:GID.
  var user: String
  /// The folder that becomes the process's root; nil: an empty file system in memory.
  var root: String?
  /// The control group that the process joins, a folder below ``controlGroups`` if it does not begin with a slash.
  var controlGroup: String?

  /// Where systemd mounts the control groups of version 2.
  static let controlGroups = "/sys/fs/cgroup"

  /// Reads `argument`, or answers nil where the user is missing, a value is empty, or a key is unknown or given twice.
  init?(argument: String) {
    var parts = argument.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    user = parts.removeFirst()
    guard !user.isEmpty, !user.contains("=") else { return nil }
    for part in parts {
      let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard pair.count == 2, !pair[1].isEmpty else { return nil }
      switch pair[0] {
      case "chroot" where root == nil: root = pair[1]
      case "cgroup" where controlGroup == nil:
        controlGroup = pair[1].hasPrefix("/") ? pair[1] : "\(Self.controlGroups)/\(pair[1])"
      default: return nil
      }
    }
  }

  /// Refuses options that need what a jail takes away. Needs no files.
  static func check(_ options: RunSettings) throws(LkvmFailure) {
    guard options.machine.jail != nil else { return }
    if options.devices.sdl {
      throw .usage("--jail: a window of --sdl needs the X server's files; use --vnc")
    }
    if options.devices.network.contains(where: \.runsScripts) {
      throw .usage(
        "--jail: script= and downscript= of --network run programs; set the tap up before, and name it by tapif="
      )
    }
  }
}
