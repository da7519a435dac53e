import CLinux
import HostSystem
import SystemPackage

/// Creates directories, links and files below one directory, and can remove all of them.
struct TreeBuilder {
  let root: String
  private var directories: [String] = []
  private var files: [String] = []

  init(root: String) { self.root = root }

  /// Creates the directory of the roots, unless it exists.
  static func makeParent(_ path: String) throws(GuestRootError) {
    do throws(Errno) {
      // The roots in it have files with the modes that guests choose, set-user-ID among them.
      try makeDirectory(path, permissions: 0o700)
    } catch .fileExists {
      return
    } catch {
      throw .cannotCreate(path: path, error)
    }
  }

  /// Creates the root of the tree.
  mutating func makeRoot() throws(GuestRootError) {
    do throws(Errno) {
      try Self.makeDirectory(root, permissions: 0o755)
    } catch {
      throw .cannotCreate(path: root, error)
    }
    directories.append(root)
  }

  /// Creates a directory at `path`, which begins with a slash.
  mutating func addDirectory(_ path: String, permissions: UInt32 = 0o755) throws(GuestRootError) {
    let full = root + path
    try attempt(full) { () throws(Errno) in try Self.makeDirectory(full, permissions: permissions) }
    directories.append(full)
  }

  mutating func addLink(_ path: String, to target: String) throws(GuestRootError) {
    let full = root + path
    try attempt(full) { () throws(Errno) in
      try NamedFiles.makeSymbolicLink(full, to: target)
    }
    files.append(full)
  }

  mutating func addFile(_ path: String, _ contents: [UInt8], permissions: UInt32 = 0o644)
    throws(GuestRootError)
  {
    let full = root + path
    // Recorded first, because a failure may leave a part of the file.
    files.append(full)
    try attempt(full) { () throws(Errno) in
      try HostFile.create(full, contents, permissions: permissions)
      try NamedFiles.setPermissions(full, permissions)
    }
  }

  /// Removes everything that was created, the last first. Ignores what cannot be removed.
  mutating func removeAll() {
    for file in files.reversed() { try? NamedFiles.remove(file) }
    for directory in directories.reversed() { try? NamedFiles.remove(directory, isDirectory: true) }
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
    try NamedFiles.makeDirectory(path, permissions: permissions)
    // Regardless of the umask, because the guest's view must not depend on the user's shell.
    try NamedFiles.setPermissions(path, permissions)
  }
}
