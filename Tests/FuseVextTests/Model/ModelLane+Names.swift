import Glibc
import HostSystem
import SystemPackage

@testable import FuseVext

extension ModelLane {
  private static let fileLimit = 30
  private static let directoryLimit = 8

  /// One operation on names.
  func changeNames() throws {
    guard let directory = random.element(directories()) else { return }
    switch random.below(20) {
    case 0..<6: try createFile(in: directory)
    case 6: try makeDirectory(in: directory)
    case 7..<9: try makeSymbolicLink(in: directory)
    case 9..<11: try makeLink(in: directory)
    case 11..<15: try remove(from: directory)
    case 15..<18: try rename(from: directory)
    case 18: try releaseUnnamed()
    default: try lookUp(in: directory)
    }
  }

  /// Names of every length, so that blocks of a directory fill and fall apart.
  private func newName(in directory: ModelDirectory) -> String {
    let stem = "l\(index)-\(random.below(60))-"
    let length = random.oneIn(5) ? random.below(240 - stem.count) : random.below(12)
    return stem + String(repeating: "x", count: length)
  }

  private func createFile(in directory: ModelDirectory) throws {
    let name = newName(in: directory)
    guard directory.children[name] == nil else { return }
    guard files().count < Self.fileLimit else { return try remove(from: directory) }
    var file: ModelFile?
    try note("create \(name)") { () throws(Errno) in
      let found = try fileSystem.create(Array(name.utf8), in: directory.number, newInode(0o100644), resources)
      file = ModelFile(inode: fileSystem.openInode(found.number))
    }
    guard let file else { return }
    directory.children[name] = .file(file)
    unsettle(file.mark)
  }

  private func newInode(_ mode: UInt16, target: [UInt8] = []) -> NewInode {
    NewInode(mode: mode, user: 0, group: 0, target: target)
  }

  private func makeDirectory(in directory: ModelDirectory) throws {
    let name = newName(in: directory)
    guard directory.children[name] == nil, directory.depth < 3, directories().count < Self.directoryLimit
    else { return }
    var made: ModelDirectory?
    try note("mkdir \(name)") { () throws(Errno) in
      let found = try fileSystem.create(Array(name.utf8), in: directory.number, newInode(0o040755), resources)
      made = ModelDirectory(number: found.number, lookupCount: 1, depth: directory.depth + 1)
    }
    guard let made else { return }
    directory.children[name] = .directory(made)
    unsettle(made.mark)
  }

  private func makeSymbolicLink(in directory: ModelDirectory) throws {
    let name = newName(in: directory)
    guard directory.children[name] == nil, directory.children.count < 40 else { return }
    let target = [UInt8](repeating: 0x61, count: 1 + random.below(random.oneIn(2) ? 59 : 900))
    var link: ModelLink?
    try note("symlink \(name)") { () throws(Errno) in
      let found = try fileSystem.create(
        Array(name.utf8), in: directory.number, newInode(0o120777, target: target), resources)
      link = ModelLink(number: found.number, target: target)
    }
    guard let link else { return }
    directory.children[name] = .symbolicLink(link)
    unsettle(link.mark)
    try forget(link.number)
  }

  private func makeLink(in directory: ModelDirectory) throws {
    let name = newName(in: directory)
    let named = files().filter { $0.nameCount > 0 }
    guard directory.children[name] == nil, let file = random.element(named) else { return }
    unsettle(file.mark)
    let number = file.inode.number
    let isDone = try note("link \(name)") { () throws(Errno) in
      _ = try fileSystem.link(number, as: Array(name.utf8), in: directory.number, resources)
    }
    guard isDone else { return }
    directory.children[name] = .file(file)
    file.nameCount += 1
    try forget(number)
  }

  private func remove(from directory: ModelDirectory) throws {
    guard let name = random.element(directory.children.keys.sorted()), let node = directory.children[name]
    else {
      return
    }
    unsettle(node.mark)
    if case .directory(let below) = node {
      let isDone = try note("rmdir \(name)", allows: [.directoryNotEmpty]) { () throws(Errno) in
        try fileSystem.removeDirectory(Array(name.utf8), in: directory.number, resources)
      }
      try expect(isDone == below.children.isEmpty, "rmdir of a directory with \(below.children.count) names")
      if isDone {
        directory.children[name] = nil
        if below.lookupCount > 0 { try forget(below.number, count: below.lookupCount) }
      }
      return
    }
    guard
      try note(
        "unlink \(name)",
        { () throws(Errno) in
          try fileSystem.unlink(Array(name.utf8), in: directory.number, resources)
        })
    else { return }
    directory.children[name] = nil
    try lostName(node)
  }

  private func lostName(_ node: ModelNode) throws {
    switch node {
    case .file(let file):
      file.nameCount -= 1
      guard file.nameCount == 0 else { return }
      if random.oneIn(2) {
        try forget(file.inode.number)
      } else {
        unnamed.append(file)
        if unnamed.count > 4 { try releaseUnnamed() }
      }
    case .directory(let below):
      if below.lookupCount > 0 { try forget(below.number, count: below.lookupCount) }
    case .symbolicLink: break
    }
  }

  private func releaseUnnamed() throws {
    guard !unnamed.isEmpty else { return }
    let file = unnamed.remove(at: random.below(unnamed.count))
    if random.oneIn(2) { try compareAll(of: file) }
    try forget(file.inode.number)
  }

  private func rename(from directory: ModelDirectory) throws {
    guard let name = random.element(directory.children.keys.sorted()), let node = directory.children[name],
      let target = random.element(directories())
    else { return }
    let exchanges = random.oneIn(5)
    let old = target.children.keys.sorted()
    let newName = (exchanges || random.oneIn(2) ? random.element(old) : nil) ?? self.newName(in: target)
    let replaced = target.children[newName]
    if exchanges, replaced == nil { return }
    for moved in [node, replaced] {
      // A directory does not go below itself, nor deeper than the model has them.
      if case .directory = moved, directory !== target { return }
    }
    for changed in [node, replaced].compactMap(\.?.mark) { unsettle(changed) }
    let places = (
      Metadata.Place(parent: directory.number, name: Array(name.utf8)),
      Metadata.Place(parent: target.number, name: Array(newName.utf8))
    )
    var refusal: Errno?
    _ = try note("rename \(name) to \(newName), exchange \(exchanges)", allows: [.noSpace]) {
      () throws(Errno) in
      do throws(Errno) {
        try fileSystem.rename(places.0, to: places.1, flags: exchanges ? 2 : 0, resources)
      } catch {
        guard [.noSpace, .isDirectory, .notDirectory, .directoryNotEmpty].contains(error) else { throw error }
        refusal = error
      }
    }
    try expect(
      refusal == expectedRefusal(node, replaced, exchanges: exchanges) || refusal == .noSpace,
      "\(refusal as Any)")
    guard refusal == nil else { return }
    if exchanges, let replaced {
      directory.children[name] = replaced
      target.children[newName] = node
      return
    }
    if directory === target, name == newName { return }
    if case .file(let one) = node, case .file(let other) = replaced, one === other { return }
    directory.children[name] = nil
    target.children[newName] = node
    if let replaced { try lostName(replaced) }
  }

  private func expectedRefusal(_ node: ModelNode, _ replaced: ModelNode?, exchanges: Bool) -> Errno? {
    guard let replaced, !exchanges else { return nil }
    switch (node, replaced) {
    case (.directory(let one), .directory(let other)):
      return one === other || other.children.isEmpty ? nil : .directoryNotEmpty
    case (.directory, _): return .notDirectory
    case (_, .directory): return .isDirectory
    default: return nil
    }
  }

  private func lookUp(in directory: ModelDirectory) throws {
    let name = random.oneIn(2) ? random.element(directory.children.keys.sorted()) : nil
    let wanted = name ?? newName(in: directory)
    var number: UInt32?
    try note("lookup \(wanted)", allows: []) { () throws(Errno) in
      number = try fileSystem.lookup(Array(wanted.utf8), in: directory.number, resources)?.number
    }
    switch directory.children[wanted] {
    case .file(let file): try expect(number == file.inode.number, "lookup finds \(number as Any)")
    case .directory(let below):
      try expect(number == below.number, "lookup finds \(number as Any)")
      below.lookupCount += 1
      return
    case .symbolicLink(let link): try expect(number == link.number, "lookup finds \(number as Any)")
    case nil: try expect(number == nil, "lookup finds \(number as Any)")
    }
    if let number { try forget(number) }
  }

  // MARK: Attributes

  func changeAttributes() throws {
    guard let file = random.element(files()) else { return }
    let name = "user." + (random.element(["a", "b", "c", "long-name-of-an-attribute"]) ?? "a")
    let number = file.inode.number
    switch random.below(3) {
    case 0:
      let value = randomBytes(random.oneIn(4) ? random.below(900) : random.below(60))
      unsettle(file.mark)
      let isDone = try note("setxattr \(number) \(name)") { () throws(Errno) in
        try fileSystem.setAttribute(
          AttributeName(Array(name.utf8)), to: value, of: number, rule: [], resources)
      }
      if isDone { file.attributes[name] = value }
    case 1:
      unsettle(file.mark)
      let isDone = try note("removexattr \(number) \(name)", allows: [Errno(rawValue: ENODATA)]) {
        () throws(Errno) in
        try fileSystem.removeAttribute(AttributeName(Array(name.utf8)), of: number, resources)
      }
      try expect(isDone == (file.attributes[name] != nil), "removexattr")
      file.attributes[name] = nil
    default: try compareAttributes(of: file)
    }
  }

  func compareAttributes(of file: ModelFile) throws {
    let number = file.inode.number
    for name in ["user.a", "user.b", "user.c", "user.long-name-of-an-attribute"] {
      var value: [UInt8]?
      try note("getxattr \(number) \(name)", allows: [Errno(rawValue: ENODATA)]) { () throws(Errno) in
        value = try fileSystem.attribute(AttributeName(Array(name.utf8)), of: number, resources)
      }
      try expect(value == file.attributes[name], "\(number), \(name): \(value?.count as Any) bytes")
    }
  }

  // MARK: Comparing

  /// Compares everything that this lane has.
  func compareAll() throws {
    try compareNames(of: root)
    for file in files() {
      try compareAll(of: file)
      try compareAttributes(of: file)
    }
  }

  private func compareNames(of directory: ModelDirectory) throws {
    var names: Set<String> = []
    try note("readdir \(directory.number)", allows: []) { () throws(Errno) in
      try fileSystem.list(directory.number, from: 0, resources) { (_, listed) throws(Errno) in
        names.insert(String(decoding: listed.name, as: UTF8.self))
        return true
      }
    }
    try expect(
      names == Set(directory.children.keys).union([".", ".."]),
      "names of \(directory.number): \(names.symmetricDifference(directory.children.keys).sorted())")
    for (name, node) in directory.children {
      switch node {
      case .directory(let below): try compareNames(of: below)
      case .file: break
      case .symbolicLink(let link):
        var target: [UInt8] = []
        try note("readlink \(name)", allows: []) { () throws(Errno) in
          target = try fileSystem.symbolicLinkTarget(link.number, resources)
        }
        try expect(target == link.target, "target of \(name)")
      }
    }
  }
}
