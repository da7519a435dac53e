@testable import FuseVext
import Glibc
import SystemPackage

/// A directory as a file system shows it, in a form that can be compared with a ``CrashModel``.
struct CrashTree {
  struct File {
    let path: String
    let number: UInt32
    let byteCount: Int
    let modificationTime: Int64
  }

  /// Each name with all but the data of what it stands for; names of one file are marked as such.
  let text: String
  let files: [File]

  /// Reads a directory.
  init(of directory: UInt32, _ fileSystem: FileSystem, _ resources: ServingResources) throws(Errno) {
    var entries: [(path: String, description: String, identity: UInt64)] = []
    var files: [File] = []
    try Self.collect(directory, "", fileSystem, resources, &entries, &files)
    text = Self.text(entries)
    self.files = files
  }

  private static func collect(
    _ directory: UInt32, _ path: String, _ fileSystem: FileSystem, _ resources: ServingResources,
    _ entries: inout [(path: String, description: String, identity: UInt64)], _ files: inout [File]
  ) throws(Errno) {
    for (name, number) in try names(of: directory, fileSystem, resources) {
      let path = "\(path)/\(name)"
      guard path.utf8.count < 4096 else { throw .tooManySymbolicLinkLevels }
      let record = try fileSystem.inspect(resources) { (metadata) throws(Errno) in try metadata.inode(number)
      }
      let target = record.isSymbolicLink ? try fileSystem.symbolicLinkTarget(number, resources) : []
      let description = Self.description(
        mode: record.mode, user: record.user, group: record.group,
        target: String(decoding: target, as: UTF8.self),
        attributes: try attributes(of: number, fileSystem, resources))
      entries.append((path, description, UInt64(number)))
      if record.isRegularFile {
        files.append(
          File(
            path: path, number: number, byteCount: Int(clamping: record.byteCount),
            modificationTime: record.modificationTime.seconds))
      }
      if record.isDirectory { try collect(number, path, fileSystem, resources, &entries, &files) }
    }
  }

  /// The names of a directory and their inodes, sorted.
  static func names(
    of directory: UInt32, _ fileSystem: FileSystem, _ resources: ServingResources
  ) throws(Errno) -> [(name: String, number: UInt32)] {
    var names: [(name: String, number: UInt32)] = []
    try fileSystem.list(directory, from: 0, resources) { (_, listed) throws(Errno) in
      let name = String(decoding: listed.name, as: UTF8.self)
      if name != ".", name != ".." { names.append((name, listed.inode)) }
      return true
    }
    return names.sorted { $0.name < $1.name }
  }

  private static func attributes(
    of number: UInt32, _ fileSystem: FileSystem, _ resources: ServingResources
  ) throws(Errno) -> [String: [UInt8]] {
    var attributes: [String: [UInt8]] = [:]
    for name in try fileSystem.attributeNames(of: number, resources) {
      attributes[String(decoding: name.bytes, as: UTF8.self)] = try fileSystem.attribute(
        name, of: number, resources)
    }
    return attributes
  }

  static func description(
    mode: UInt16, user: UInt32, group: UInt32, target: String, attributes: [String: [UInt8]]
  ) -> String {
    var text = "\(String(mode, radix: 8)) \(user):\(group)"
    if !target.isEmpty { text += " -> \(target)" }
    for (name, value) in attributes.sorted(by: { $0.key < $1.key }) {
      let hash = value.reduce(UInt64(value.count)) { CrashMemory.mix($0, UInt64($1)) }
      text += " \(name)=\(value.count):\(hash)"
    }
    return text
  }

  static func text(_ entries: [(path: String, description: String, identity: UInt64)]) -> String {
    var lines: [UInt64: Int] = [:]
    var text = ""
    for (line, entry) in entries.enumerated() {
      text += entry.path
      text += " "
      text += entry.description
      if let first = lines[entry.identity] {
        text += " = line \(first + 1)"
      } else {
        lines[entry.identity] = line
      }
      text += "\n"
    }
    return text
  }
}
