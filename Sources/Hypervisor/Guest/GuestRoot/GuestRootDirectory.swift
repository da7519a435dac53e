import CLinux
import HostSystem
import SystemPackage

/// A root directory of guests, in the layout of kvmtool's `setup`.
///
/// It has few files of its own, and links to the host's files, which the guest's init mounts on `/host`.
public struct GuestRootDirectory: Equatable, Sendable {
  /// The name of the root on the command line.
  public let name: String
  /// The path of the root.
  public let path: String

  /// The name of the default root.
  public static let defaultName = "default"
  /// The tag by which a guest mounts its root, as in kvmtool.
  public static let rootTag = "/dev/root"
  /// The tag by which a guest mounts the host's files.
  public static let hostTag = "hostfs"
  /// The path of the init in a root, for `init=`.
  public static let initPath = "/virt/init"

  /// Creates the root `name` in the directory `parent` (`~/.lkvm`), which is also created if it is missing.
  ///
  /// After a failure nothing is left of the root.
  public static func create(
    name: String, in parent: String, initProgram: [UInt8]
  ) throws(GuestRootError) -> GuestRootDirectory {
    let root = try GuestRootDirectory(name: name, in: parent)
    guard !NamedFiles.exists(root.path) else { throw .alreadyExists(path: root.path) }
    // Created under another name first, so that a run that starts at the same moment sees all of it or nothing.
    var builder = TreeBuilder(root: "\(parent)/.\(name).\(getpid())")
    do throws(GuestRootError) {
      try TreeBuilder.makeParent(parent)
      try builder.makeRoot()
      try GuestRootLayout.populate(&builder, name: name, initProgram: initProgram)
      try rename(builder.root, to: root.path)
    } catch {
      builder.removeAll()
      throw error
    }
    return root
  }

  /// Opens the root `name` in `parent`, and creates it if it is missing. Replaces its init if that is not `initProgram`.
  public static func openOrCreate(
    name: String = defaultName, in parent: String, initProgram: [UInt8]
  ) throws(GuestRootError) -> GuestRootDirectory {
    let root = try GuestRootDirectory(name: name, in: parent)
    do throws(GuestRootError) {
      return try create(name: name, in: parent, initProgram: initProgram)
    } catch .alreadyExists {
      try root.update(initProgram)
      return root
    }
  }

  /// Returns the roots in `parent`, by name; none if there is no such directory.
  public static func list(in parent: String) throws(GuestRootError) -> [GuestRootDirectory] {
    var roots: [GuestRootDirectory] = []
    for name in try HostFile.names(in: parent) where !name.hasPrefix(".") {
      let path = "\(parent)/\(name)"
      if NamedFiles.isRegularFile(path + initPath) {
        roots.append(GuestRootDirectory(name: name, path: path))
      }
    }
    return roots.sorted { $0.name < $1.name }
  }

  /// Whether a root can have the name.
  public static func accepts(name: String) -> Bool {
    !name.isEmpty && !name.hasPrefix(".") && !name.utf8.contains(UInt8(ascii: "/")) && !name.utf8.contains(0)
  }

  private init(name: String, path: String) {
    self.name = name
    self.path = path
  }

  private init(name: String, in parent: String) throws(GuestRootError) {
    guard Self.accepts(name: name) else { throw .badName(name) }
    self.init(name: name, path: "\(parent)/\(name)")
  }

  /// Replaces the init atomically, because a guest may be about to run it.
  private func update(_ initProgram: [UInt8]) throws(GuestRootError) {
    let file = path + Self.initPath
    if let present = try? HostFile.contents(of: file), present == initProgram { return }
    let draft = "\(file).\(getpid())"
    do throws(Errno) {
      try HostFile.create(draft, initProgram, permissions: 0o755)
      try NamedFiles.rename(draft, to: file)
    } catch {
      // The first error is the one to report.
      try? NamedFiles.remove(draft)
      throw .cannotCreate(path: file, error)
    }
  }

  /// Renames a finished root to its name.
  private static func rename(_ draft: String, to path: String) throws(GuestRootError) {
    do throws(Errno) {
      try NamedFiles.rename(draft, to: path)
    } catch .directoryNotEmpty {
      throw .alreadyExists(path: path)
    } catch .fileExists {
      throw .alreadyExists(path: path)
    } catch {
      throw .cannotCreate(path: path, error)
    }
  }

}
