/// A file system of the kernel's own at its usual place.
struct KernelFileSystem {
  let type: Text
  let path: Text
  var flags: Kernel.MountFlags = []
  var options: Text = ""
  /// The file system that the directory is on while nothing is mounted there.
  var parent: Text = "/"

  /// What the first stage needs and moves into the root.
  static var early: InlineArray<4, Self> {
    [
      Self(type: "proc", path: "/proc", flags: [.noSetUserID, .noDevices, .noExecution]),
      Self(type: "sysfs", path: "/sys", flags: [.noSetUserID, .noDevices, .noExecution]),
      Self(type: "devtmpfs", path: "/dev", flags: [.noSetUserID], options: "mode=755"),
      Self(type: "tmpfs", path: "/run", flags: [.noSetUserID, .noDevices], options: "mode=755,size=25%"),
    ]
  }

  /// What a running system has besides.
  static var late: InlineArray<3, Self> {
    [
      Self(
        type: "devpts", path: "/dev/pts", flags: [.noSetUserID, .noExecution],
        options: "gid=5,mode=620,ptmxmode=666", parent: "/dev"),
      Self(
        type: "tmpfs", path: "/dev/shm", flags: [.noSetUserID, .noDevices], options: "mode=1777",
        parent: "/dev"),
      Self(
        type: "tmpfs", path: "/tmp", flags: [.noSetUserID, .noDevices], options: "mode=1777,size=50%"),
    ]
  }

  /// Mounts it, unless something is mounted there. A failure is reported and no more: much works without.
  func mount() {
    guard !Kernel.isMountPoint(path, below: parent) else { return }
    do throws(Errno) {
      try Kernel.makeDirectory(path)
      try Kernel.mount(type, on: path, type: type, flags, options: options)
    } catch {
      report("cannot mount ", path, ": ", error.text)
    }
  }
}
