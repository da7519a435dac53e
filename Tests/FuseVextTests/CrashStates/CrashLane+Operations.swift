@testable import FuseVext
import Glibc
import SystemPackage

extension CrashLane {
  /// Does a random operation; what makes no sense in the tree as it is, is left out.
  func step() {
    let places = model.places
    switch random.below(100) {
    case 0..<12: makeFile()
    case 12..<16: makeDirectory()
    case 16..<19: makeLink()
    case 19..<21: makePipe()
    case 21..<42: changeFile(places) { self.write(to: $0, at: $1) }
    case 42..<48: changeFile(places) { self.truncate($0, at: $1) }
    case 48..<53: changeFile(places) { self.changeSpace(of: $0, at: $1) }
    case 53..<60: rename(places)
    case 60..<62: exchange(places)
    case 62..<65: addName(places)
    case 65..<71: unlink(places)
    case 71..<74: removeDirectory(places)
    case 74..<80: setAttribute(places)
    case 80..<84: setOwnerOrMode(places)
    case 84..<85: makeUnnamed()
    case 85..<86: changeFile(places) { self.setTime(of: $0, at: $1) }
    case 86..<90: close()
    case 90..<96: changeFile(places) { self.synchronize($0, at: $1) }
    case 96..<98:
      perform("fsync of a directory", promise: .names) { (_) throws(Errno) in
        try fileSystem.flush(resources)
      }
    default:
      perform("sync", promise: .everything) { (_) throws(Errno) in
        try fileSystem.synchronizeAll(resources)
      }
    }
  }

  // MARK: Choices

  private func anyDirectory() -> (node: Int, number: UInt32) {
    let directories = [0] + model.places.map(\.node).filter { model.nodes[$0].kind == .directory }
    let node = random.element(directories) ?? 0
    return (node, model.nodes[node].number)
  }

  private func anyName() -> String {
    let letter = String(UnicodeScalar(UInt8(ascii: "a") + UInt8(random.below(12))))
    return random.oneIn(4) ? letter + String(repeating: "x", count: 150 + random.below(100)) : letter
  }

  private func freshName(in directory: Int) -> String? {
    for _ in 0..<4 {
      let name = anyName()
      if model.nodes[directory].entries[name] == nil { return name }
    }
    return nil
  }

  private func changeFile(_ places: [CrashModel.Place], _ change: (Int, CrashModel.Place?) -> Void) {
    if random.oneIn(6), let orphan = random.element(orphans), model.nodes[orphan].kind == .file {
      return change(orphan, nil)
    }
    guard let place = random.element(places.filter({ model.nodes[$0.node].kind == .file })) else {
      return makeFile()
    }
    change(place.node, place)
  }

  // MARK: New names

  private func make(
    _ kind: CrashModel.Kind, _ mode: UInt16, target: String = "", _ what: String
  ) {
    let (directory, parent) = anyDirectory()
    guard let name = freshName(in: directory) else { return }
    perform("\(what) \(name) in \(directory)", implied: .names) { (model) throws(Errno) in
      let new = NewInode(mode: mode, user: 0, group: 0, target: Array(target.utf8))
      let found = try fileSystem.create(Array(name.utf8), in: parent, new, resources)
      model.nodes.append(CrashModel.Node(kind: kind, number: found.number, mode: mode & 0o7777))
      let node = model.nodes.count - 1
      model.nodes[directory].entries[name] = node
      if kind == .file { model.addVersion(of: node, content: [], isCommitted: true) }
    }
  }

  private func makeFile() { make(.file, 0o100644, "create") }
  private func makeDirectory() { make(.directory, 0o040755, "mkdir") }
  private func makePipe() { make(.pipe, 0o010600, "mkfifo") }

  /// As O_TMPFILE does.
  private func makeUnnamed() {
    let (directory, parent) = anyDirectory()
    perform("create without a name in \(directory)") { (model) throws(Errno) in
      let new = NewInode(mode: 0o100600, user: 0, group: 0)
      let found = try fileSystem.createUnnamed(in: parent, new, resources)
      model.nodes.append(CrashModel.Node(kind: .file, number: found.number, mode: 0o600, linkCount: 0))
      let node = model.nodes.count - 1
      model.addVersion(of: node, content: [], isCommitted: true)
      orphans.append(node)
      unnamed.append(node)
    }
  }

  private func makeLink() {
    let target = String(
      repeating: "t", count: random.oneIn(2) ? 1 + random.below(59) : 60 + random.below(400))
    make(.symbolicLink(target: target), 0o120777, target: target, "symlink of \(target.count)")
  }

  private func addName(_ places: [CrashModel.Place]) {
    let (directory, parent) = anyDirectory()
    if let node = unnamed.last(where: orphans.contains), random.oneIn(2) {
      guard let name = freshName(in: directory) else { return }
      return perform("link unnamed \(node) as \(name) in \(directory)", implied: .names) {
        (model) throws(Errno) in
        _ = try fileSystem.link(model.nodes[node].number, as: Array(name.utf8), in: parent, resources)
        model.nodes[node].references += 1
        model.nodes[node].linkCount = 1
        model.nodes[directory].entries[name] = node
        orphans.removeAll { $0 == node }
        unnamed.removeAll { $0 == node }
      }
    }
    guard let place = random.element(places.filter({ model.nodes[$0.node].kind != .directory })),
      let name = freshName(in: directory)
    else { return }
    perform("link \(place.path) as \(name) in \(directory)", implied: .names) { (model) throws(Errno) in
      let number = model.nodes[place.node].number
      _ = try fileSystem.link(number, as: Array(name.utf8), in: parent, resources)
      model.nodes[place.node].references += 1
      model.nodes[place.node].linkCount += 1
      model.nodes[directory].entries[name] = place.node
    }
  }

  // MARK: Old names

  private func unlink(_ places: [CrashModel.Place]) {
    guard let place = random.element(places.filter({ model.nodes[$0.node].kind != .directory })) else {
      return
    }
    let keeps = random.oneIn(3)
    perform("unlink \(place.path)\(keeps ? ", kept open" : "")", implied: .names) { (model) throws(Errno) in
      if keeps { try hold(place.node, at: place, &model) }
      try fileSystem.unlink(Array(place.name.utf8), in: model.nodes[place.parent].number, resources)
      model.nodes[place.parent].entries[place.name] = nil
      dropName(place.node, &model)
      if !keeps, orphans.contains(place.node) { try forget(place.node, &model) }
    }
  }

  private func removeDirectory(_ places: [CrashModel.Place]) {
    let empty = places.filter {
      model.nodes[$0.node].kind == .directory && model.nodes[$0.node].entries.isEmpty
    }
    guard let place = random.element(empty) else { return }
    perform("rmdir \(place.path)", implied: .names) { (model) throws(Errno) in
      try fileSystem.removeDirectory(Array(place.name.utf8), in: model.nodes[place.parent].number, resources)
      model.nodes[place.parent].entries[place.name] = nil
      dropName(place.node, &model)
      if orphans.contains(place.node) { try forget(place.node, &model) }
    }
  }

  private func rename(_ places: [CrashModel.Place]) {
    let (directory, parent) = anyDirectory()
    guard let source = random.element(places), !model.isInside(directory, of: source.node) else { return }
    let name = anyName()
    let replaced = model.nodes[directory].entries[name]
    if let replaced {
      guard replaced != source.node,
        (model.nodes[replaced].kind == .directory) == (model.nodes[source.node].kind == .directory),
        model.nodes[replaced].entries.isEmpty
      else { return }
    }
    perform(
      "rename \(source.path) to \(name) in \(directory)\(replaced == nil ? "" : ", replacing")",
      implied: .names
    ) {
      (model) throws(Errno) in
      try fileSystem.rename(
        Metadata.Place(parent: model.nodes[source.parent].number, name: Array(source.name.utf8)),
        to: Metadata.Place(parent: parent, name: Array(name.utf8)), flags: 0, resources)
      model.nodes[source.parent].entries[source.name] = nil
      model.nodes[directory].entries[name] = source.node
      if let replaced { dropName(replaced, &model) }
    }
  }

  private func exchange(_ places: [CrashModel.Place]) {
    guard let first = random.element(places), let second = random.element(places),
      first.node != second.node, !model.isInside(second.node, of: first.node),
      !model.isInside(first.node, of: second.node)
    else { return }
    perform("exchange \(first.path) and \(second.path)", implied: .names) { (model) throws(Errno) in
      try fileSystem.rename(
        Metadata.Place(parent: model.nodes[first.parent].number, name: Array(first.name.utf8)),
        to: Metadata.Place(parent: model.nodes[second.parent].number, name: Array(second.name.utf8)),
        flags: 2, resources)
      model.nodes[first.parent].entries[first.name] = second.node
      model.nodes[second.parent].entries[second.name] = first.node
    }
  }

  // MARK: Files

  private func write(to node: Int, at place: CrashModel.Place?) {
    let size = model.content(of: node).count
    var (offset, count) = (size, 1 + random.below(random.oneIn(4) ? 20_000 : 3000))
    switch random.below(8) {
    case 0..<3: break
    case 3..<5: offset = random.below(size + 1)
    case 5..<7:
      offset = random.below(size / blockByteCount + 1) * blockByteCount
      count = (1 + random.below(4)) * blockByteCount
    default: offset = size + random.below(random.oneIn(8) ? 300_000 : 20_000)
    }
    guard offset + count < 400_000 else { return }
    perform("write \(count) at \(offset) to \(place?.path ?? "orphan \(node)")", implied: .file(node: node)) {
      (model) throws(Errno) in
      try hold(node, at: place, &model)
      try write(node, offset: offset, count: count, &model)
    }
  }

  private func truncate(_ node: Int, at place: CrashModel.Place?) {
    var content = model.content(of: node)
    let count = random.oneIn(3) ? content.count + random.below(9000) : random.below(content.count + 1)
    perform("truncate \(place?.path ?? "orphan \(node)") to \(count)", implied: .file(node: node)) {
      (model) throws(Errno) in
      content = Array(content.prefix(count)) + [UInt8](repeating: 0, count: max(0, count - content.count))
      model.addVersion(of: node, content: content, isCommitted: true)
      _ = try fileSystem.setAttributes(
        FileSystem.AttributeChange(byteCount: UInt64(count)), of: model.nodes[node].number, resources)
    }
  }

  private func changeSpace(of node: Int, at place: CrashModel.Place?) {
    var content = model.content(of: node)
    let offset = random.below(content.count + 5000)
    let count = 1 + random.below(random.oneIn(3) ? 20_000 : 4000)
    let keepsSize = random.oneIn(2)
    let (name, operation): (String, FileSystem.SpaceOperation) =
      switch random.below(3) {
      case 0: ("allocate", .allocate(keepsSize: keepsSize))
      case 1: ("punch", .punchHole)
      default: ("zero", .zeroRange(keepsSize: keepsSize))
      }
    let label =
      "\(name) \(count) at \(offset) of \(place?.path ?? "orphan \(node)")\(keepsSize ? ", same size" : "")"
    perform(label) { (model) throws(Errno) in
      if name != "punch", !keepsSize, offset + count > content.count {
        content += [UInt8](repeating: 0, count: offset + count - content.count)
      }
      if name != "allocate" {
        for index in offset..<max(offset, min(offset + count, content.count)) { content[index] = 0 }
      }
      try hold(node, at: place, &model)
      do throws(Errno) {
        try fileSystem.changeSpace(
          operation, of: fileSystem.openInode(model.nodes[node].number), offset: UInt64(offset),
          byteCount: UInt64(count), resources)
      } catch {
        if error != .notSupported { model.addVersion(of: node, content: content) }
        throw error
      }
      model.addVersion(of: node, content: content)
    }
  }

  private func synchronize(_ node: Int, at place: CrashModel.Place?) {
    let path = place?.path ?? "orphan \(node)"
    let dataOnly = random.oneIn(4)
    perform(
      "\(dataOnly ? "fdatasync" : "fsync") \(path)", promise: dataOnly ? .data(node: node) : .file(node: node)
    ) { (model) throws(Errno) in
      try fileSystem.synchronize(
        fileSystem.openInode(model.nodes[node].number), dataOnly: dataOnly, resources)
    }
  }

  private func close() {
    let held = model.nodes.indices.filter { model.nodes[$0].references > 0 && model.nodes[$0].kind == .file }
    guard let node = random.element(held) else { return }
    perform("close \(node)") { (model) throws(Errno) in try forget(node, &model) }
  }

  // MARK: Attributes

  private func setAttribute(_ places: [CrashModel.Place]) {
    let candidates = places.filter {
      model.nodes[$0.node].kind == .file || model.nodes[$0.node].kind == .directory
    }
    guard let place = random.element(candidates) else { return }
    let name = "user.\(["a", "b", "long-name-of-an-attribute"][random.below(3)])"
    let number = model.nodes[place.node].number
    if model.nodes[place.node].attributes[name] != nil, random.oneIn(2) {
      return perform("remove \(name) of \(place.path)", implied: .file(node: place.node)) {
        (model) throws(Errno) in
        try fileSystem.removeAttribute(try AttributeName(Array(name.utf8)), of: number, resources)
        model.nodes[place.node].attributes[name] = nil
      }
    }
    let count = random.oneIn(3) ? 200 + random.below(400) : random.below(30)
    let value = (0..<count).map { _ in UInt8(random.below(256)) }
    perform("set \(name) of \(place.path), \(count) bytes", implied: .file(node: place.node)) {
      (model) throws(Errno) in
      try fileSystem.setAttribute(
        try AttributeName(Array(name.utf8)), to: value, of: number, rule: [], resources)
      model.nodes[place.node].attributes[name] = value
    }
  }

  private func setOwnerOrMode(_ places: [CrashModel.Place]) {
    guard let place = random.element(places), model.nodes[place.node].kind != .pipe,
      model.nodes[place.node].kind == .file || model.nodes[place.node].kind == .directory
    else { return }
    var change = FileSystem.AttributeChange()
    if random.oneIn(2) { change.mode = UInt32([0o600, 0o640, 0o755, 0o777][random.below(4)]) }
    if random.oneIn(2) { (change.user, change.group) = (UInt32(random.below(70_000)), 7) }
    perform("chmod, chown \(place.path)") { (model) throws(Errno) in
      try set(change, of: place.node, &model)
    }
  }

  private func setTime(of node: Int, at place: CrashModel.Place?) {
    let seconds = Int64(1_000_000_000 + random.below(1_000_000_000))
    var change = FileSystem.AttributeChange()
    change.modificationTime = InodeTime(seconds: seconds, nanoseconds: 0)
    perform("utimes \(place?.path ?? "orphan \(node)")") {
      (model) throws(Errno) in
      try set(change, of: node, &model)
    }
  }

  private func set(
    _ change: FileSystem.AttributeChange, of node: Int, _ model: inout CrashModel
  ) throws(Errno) {
    let record = model.nodes[node]
    _ = try fileSystem.setAttributes(change, of: record.number, resources)
    if let mode = change.mode { model.nodes[node].mode = UInt16(mode) }
    if let user = change.user { model.nodes[node].user = user }
    if let group = change.group { model.nodes[node].group = group }
    guard let last = record.versions.last else { return }
    // It writes what was pending of the file.
    model.addVersion(
      of: node, content: last.content,
      modificationTime: change.modificationTime?.seconds ?? last.modificationTime, isCommitted: true)
  }
}
