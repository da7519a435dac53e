import CLinux
import HostSystem
import SystemPackage

/// Makes directories, links and files below one directory, and can take all of them away again.
struct TreeBuilder {
  let root: String
  private var directories: [String] = []
  private var files: [String] = []

  init(root: String) { self.root = root }

  /// Makes the directory that roots are in, unless it is there.
  static func makeParent(_ path: String) throws(GuestRootError) {
    do throws(Errno) {
      try makeDirectory(path, permissions: 0o755)
    } catch .fileExists {
      return
    } catch {
      throw .cannotCreate(path: path, error)
    }
  }

  /// Makes the directory that all else is below.
  mutating func makeRoot() throws(GuestRootError) {
    do throws(Errno) {
      try Self.makeDirectory(root, permissions: 0o755)
    } catch {
      throw .cannotCreate(path: root, error)
    }
    directories.append(root)
  }

  /// Makes a directory at `path`, which begins with a slash.
  mutating func addDirectory(_ path: String, permissions: UInt32 = 0o755) throws(GuestRootError) {
    let full = root + path
    try attempt(full) { () throws(Errno) in try Self.makeDirectory(full, permissions: permissions) }
    directories.append(full)
  }

  mutating func addLink(_ path: String, to target: String) throws(GuestRootError) {
    let full = root + path
    try attempt(full) { () throws(Errno) in
      try HostFile.check(
        unsafe target.withCString { target in
          unsafe full.withCString { unsafe linux_make_symbolic_link(target, AT_FDCWD, $0) }
        })
    }
    files.append(full)
  }

  mutating func addFile(_ path: String, _ contents: [UInt8], permissions: UInt32 = 0o644)
    throws(GuestRootError)
  {
    let full = root + path
    // Remembered first: it may be there in part.
    files.append(full)
    try attempt(full) { () throws(Errno) in
      try HostFile.create(full, contents, permissions: permissions)
      try Self.setPermissions(full, permissions)
    }
  }

  /// Takes away what was made, the last first. What cannot be taken away stays.
  mutating func removeAll() {
    for file in files.reversed() { _ = unsafe file.withCString { unsafe linux_unlink_in(AT_FDCWD, $0, 0) } }
    for directory in directories.reversed() {
      _ = unsafe directory.withCString { unsafe linux_unlink_in(AT_FDCWD, $0, 1) }
    }
    files = []
    directories = []
  }

  private func attempt(_ path: String, _ body: () throws(Errno) -> Void) throws(GuestRootError) {
    do throws(Errno) {
      try body()
    } catch {
      throw .cannotCreate(path: path, error)
    }
  }

  private static func makeDirectory(_ path: String, permissions: UInt32) throws(Errno) {
    try HostFile.check(unsafe path.withCString { unsafe linux_make_directory(AT_FDCWD, $0, permissions) })
    try setPermissions(path, permissions)
  }

  /// The umask does not count: what a guest sees depends on no shell's settings.
  private static func setPermissions(_ path: String, _ permissions: UInt32) throws(Errno) {
    try HostFile.check(unsafe path.withCString { unsafe linux_chmod($0, permissions) })
  }
}
