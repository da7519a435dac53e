import HostSystem

/// The contents of a root directory.
enum GuestRootLayout {
  /// Directories of the guest.
  private static let directories: [(path: String, permissions: UInt32)] = [
    ("/dev", 0o755), ("/etc", 0o755), ("/home", 0o755), ("/host", 0o755), ("/mnt", 0o755), ("/proc", 0o555),
    ("/root", 0o700), ("/run", 0o755), ("/sys", 0o555), ("/tmp", 0o1777), ("/var", 0o755),
    ("/var/cache", 0o755), ("/var/lib", 0o755), ("/var/log", 0o755), ("/var/tmp", 0o1777), ("/virt", 0o755),
  ]

  /// Directories that are links to the host's, whether the host has them or not.
  ///
  /// On a host where `/bin` is a link to `usr/bin`, the guest's link leads through it to `/host/usr/bin`.
  private static let hostDirectories = ["bin", "lib", "lib64", "sbin", "usr"]

  /// Files of /etc that programs need: the linker's cache, names of commands, ports, certificates.
  private static let hostSettings = [
    "alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "mke2fs.conf", "networks",
    "nsswitch.conf", "profile", "protocols", "services", "shells", "ssl", "ca-certificates", "terminfo",
    "inputrc", "rpc", "mime.types", "python3", "perl", "login.defs", "vim", "gitconfig", "fuse.conf",
  ]

  static func populate(
    _ tree: inout TreeBuilder, name: String, initProgram: [UInt8]
  ) throws(GuestRootError) {
    for (path, permissions) in directories { try tree.addDirectory(path, permissions: permissions) }

    let own = Set(directories.map { String($0.path.dropFirst()) })
    let others = try HostFile.names(in: "/").filter { name in
      !name.hasPrefix(".") && name != "lost+found" && !own.contains(name)
        && NamedFiles.isDirectory("/\(name)")
    }
    for entry in Set(others).union(hostDirectories).sorted() {
      try tree.addLink("/\(entry)", to: "/host/\(entry)")
    }

    let settings = Set(try HostFile.names(in: "/etc"))
    for entry in hostSettings where settings.contains(entry) {
      try tree.addLink("/etc/\(entry)", to: "/host/etc/\(entry)")
    }
    try tree.addLink("/var/run", to: "/run")
    try tree.addLink("/etc/mtab", to: "/proc/self/mounts")
    // The guest's init writes the target when it sets an address.
    try tree.addLink("/etc/resolv.conf", to: "/run/resolv.conf")
    try addAccounts(&tree)
    try tree.addFile("/etc/hostname", Array("\(name)\n".utf8))
    try tree.addFile("/etc/hosts", Array("127.0.0.1 localhost\n::1 localhost\n127.0.1.1 \(name)\n".utf8))
    try tree.addFile(GuestRootDirectory.initPath, initProgram, permissions: 0o755)
  }

  /// Adds the accounts that Debian's programs expect.
  ///
  /// Only root can log in, without a password, because the guest's console belongs to its owner.
  private static func addAccounts(_ tree: inout TreeBuilder) throws(GuestRootError) {
    let users = """
      root::0:0:root:/root:/bin/sh
      daemon:*:1:1:daemon:/usr/sbin:/usr/sbin/nologin
      nobody:*:65534:65534:nobody:/nonexistent:/usr/sbin/nologin

      """
    let groups = """
      root:x:0:
      daemon:x:1:
      tty:x:5:
      disk:x:6:
      nogroup:x:65534:

      """
    try tree.addFile("/etc/passwd", Array(users.utf8))
    try tree.addFile("/etc/group", Array(groups.utf8))
  }
}
