import CLinux
import Glibc
import SystemPackage

/// A directory of attributes: small text files, and links to related directories.
package struct SysfsDirectory: Equatable, Sendable {
  package let path: String

  package init(_ path: String) { self.path = path }

  package subscript(_ name: String) -> SysfsDirectory { SysfsDirectory("\(path)/\(name)") }

  /// The last part of the path.
  package var name: Substring {
    path[(path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex)...]
  }

  /// The directory that this one lies in; the root's is empty.
  var parent: SysfsDirectory { SysfsDirectory(String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])) }

  /// The text of the attribute `name` without its trailing newline; nil if there is no such attribute.
  package func text(_ name: String) throws(SysfsError) -> String? {
    let path = "\(path)/\(name)"
    let bytes: [UInt8]
    do {
      bytes = try Self.contents(of: path)
    } catch .noSuchFileOrDirectory, .notDirectory {
      return nil
    } catch {
      throw .unreadable(path: path, error)
    }
    let end = bytes.lastIndex { $0 != UInt8(ascii: "\n") }.map { $0 + 1 } ?? 0
    return String(decoding: bytes[..<end], as: UTF8.self)
  }

  /// The attribute `name` as a number; nil if there is none.
  func integer(_ name: String) throws(SysfsError) -> Int? {
    guard let text = try text(name) else { return nil }
    guard let value = Int(text) else { throw .malformed(path: "\(path)/\(name)", text: text) }
    return value
  }

  /// The attribute `name` as a list of CPUs, or of nodes; nil if there is none.
  func list(_ name: String) throws(SysfsError) -> CPUSet? {
    guard let text = try text(name) else { return nil }
    guard let set = CPUSet(parsing: text) else { throw .malformed(path: "\(path)/\(name)", text: text) }
    return set
  }

  /// The names of its entries in order; empty if it does not exist.
  package func entries() throws(SysfsError) -> [String] {
    do throws(Errno) { return try DirectoryNames.read(path) } catch {
      if error == .noSuchFileOrDirectory { return [] }
      throw .unreadable(path: path, error)
    }
  }

  /// The directory itself, with every link on the way followed; nil if it does not exist.
  package func resolved() throws(SysfsError) -> SysfsDirectory? {
    do throws(Errno) { return SysfsDirectory(try NamedFiles.resolve(path)) } catch {
      if error == .noSuchFileOrDirectory { return nil }
      throw .unreadable(path: path, error)
    }
  }

  private static func contents(of path: String) throws(Errno) -> [UInt8] {
    let file = try OwnedDescriptor.open(path, flags: O_RDONLY)
    return try DescriptorBytes.readToEnd(file.rawValue)
  }
}
