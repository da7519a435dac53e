import CLinux
import HostSystem
import SystemPackage

/// A directory of the host that guests may use as theirs: its descriptor, and how it is named.
///
/// Nothing outside the directory is reachable through it. Every file is looked up by openat2(2) below a descriptor that
/// was found so itself, one name at a time, and no symbolic link is followed. Mounts below the directory belong to it,
/// procfs excepted. Any thread.
public final class NinePShare: Sendable {
  /// The directory's path, for people.
  public let path: String
  /// The tag by which the guest mounts the share.
  public let tag: String
  /// Whether changes are refused.
  public let isReadOnly: Bool
  let root: NinePNode
  /// /proc/self/fd, through which O_PATH descriptors are opened.
  let descriptors: OwnedDescriptor
  /// Its number.
  var descriptorsNumber: Int32 { descriptors.rawValue }
  /// Whether the owner of a file can be chosen.
  let isPrivileged: Bool
  /// What becomes of owners, modes, devices and attributes.
  public let security: NinePSecurity
  var attributeRules: NinePAttributeRules { NinePAttributeRules(security: security) }

  /// Opens the directory `path`, following links.
  public init(
    path: String, tag: String, readOnly: Bool, security: NinePSecurity = .none
  ) throws(NinePShareError) {
    guard (1...255).contains(tag.utf8.count), !tag.utf8.contains(0) else { throw .invalidTag(tag) }
    self.path = path
    self.tag = tag
    isReadOnly = readOnly
    self.security = security
    isPrivileged = linux_effective_user() == 0
    do throws(Errno) {
      let found = try OwnedDescriptor.open(path, flags: LINUX_O_PATH)
      root = try NinePNode(adopting: found, above: nil, isMapped: security == .mapped)
    } catch {
      throw .cannotOpen(path: path, error)
    }
    guard root.kind == .directory else { throw .notADirectory(path: path) }
    guard !root.isSealed else { throw .isProcessFileSystem(path: path) }
    do throws(Errno) {
      _ = try DirectoryFiles.open(FileName("."), in: root.number, flags: LINUX_O_PATH)
    } catch {
      throw .cannotConfine(path: path, error)
    }
    do throws(Errno) {
      let found = try OwnedDescriptor.open("/proc/self/fd", flags: LINUX_O_PATH | LINUX_O_DIRECTORY)
      let system = try DirectoryFiles.fileSystemStatus(of: found.rawValue)
      guard system.type == LINUX_PROC_MAGIC else { throw .noSuchFileOrDirectory }
      descriptors = found
    } catch {
      throw .noProcessFileSystem(error)
    }
    if security == .mapped, !readOnly {
      do throws(Errno) { try NinePMappedStatus.checkSupport(root.number) } catch {
        throw .cannotMap(path: path, error)
      }
    }
  }

  /// The node behind a descriptor.
  ///
  /// - Parameter above: the directory that it was found in; nil makes the check for procfs afresh.
  func node(adopting descriptor: consuming OwnedDescriptor, above: NinePNode?) throws(Errno) -> NinePNode {
    try NinePNode(adopting: descriptor, above: above, isMapped: security == .mapped)
  }
}
