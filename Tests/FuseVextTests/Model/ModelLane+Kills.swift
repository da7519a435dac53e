import CLinux
import HostSystem
import SystemPackage

@testable import FuseVext

extension ModelLane {
  /// Compares what an fsync acknowledged, and nothing has changed since. Returns how many files that were.
  func checkAcknowledged() throws -> Int {
    var count = 0
    for file in shared { count += try checkAcknowledged(file, "shared", stripes) ? 1 : 0 }
    return try count + checkAcknowledged(root)
  }

  private func checkAcknowledged(_ directory: ModelDirectory) throws -> Int {
    var count = 0
    for name in directory.children.keys.sorted() {
      guard let node = directory.children[name], node.mark.isSettled else { continue }
      let found = try fileSystem.lookup(Array(name.utf8), in: directory.number, resources)
      guard let found else { throw ModelStop.failed("lane \(index): \(name) is gone after a kill") }
      defer { try? fileSystem.forget(found.number, count: 1, resources) }
      switch node {
      case .directory(let below):
        try expect(found.number == below.number, "\(name) is another directory after a kill")
        count += try checkAcknowledged(below)
      case .symbolicLink(let link):
        let target = try fileSystem.symbolicLinkTarget(found.number, resources)
        try expect(found.number == link.number && target == link.target, "\(name): another link after a kill")
      case .file(let file):
        file.inode = fileSystem.openInode(found.number)
        if try checkAcknowledged(file, name, nil) { count += 1 }
        try compareAttributes(of: file)
      }
    }
    return count
  }

  private func checkAcknowledged(
    _ file: ModelFile, _ name: String, _ parts: [Range<Int>]?
  ) throws -> Bool {
    guard let synced = file.synced else { return false }
    let size = ModelContent.chunkByteCount
    for chunk in synced.chunks.keys.sorted() where !file.touched.contains(chunk) {
      let whole = chunk * size..<(chunk + 1) * size
      for part in (parts ?? [whole]).map({ $0.clamped(to: whole) }) where !part.isEmpty {
        let wanted = synced.bytes(part)
        let found = try read(file, part.lowerBound..<part.lowerBound + wanted.count)
        guard found != wanted else { continue }
        let first = zip(found, wanted).enumerated().first { $1.0 != $1.1 }?.offset ?? found.count
        throw ModelStop.failed(
          "lane \(index): \(name), number \(file.inode.number): bytes \(part) of \(synced.byteCount) are not what was "
            + "acknowledged, from byte \(first) on (\(found.count) are there)")
      }
    }
    return true
  }

  /// Removes all that is in the lane's folder, whatever it is.
  func removeEverything() throws {
    try removeAll(in: root.number)
    root.children = [:]
    root.lookupCount = 0
    unsettled = []
  }

  private func removeAll(in number: UInt32) throws {
    var entries: [([UInt8], UInt32)] = []
    try fileSystem.list(number, from: 0, resources) { (_, listed) throws(Errno) in
      if listed.name != [0x2E], listed.name != [0x2E, 0x2E] { entries.append((listed.name, listed.inode)) }
      return true
    }
    for (name, below) in entries {
      let isDirectory = try fileSystem.attributes(of: below, resources).st_mode & 0o170000 == 0o040000
      if isDirectory {
        try removeAll(in: below)
        try fileSystem.removeDirectory(name, in: number, resources)
      } else {
        try fileSystem.unlink(name, in: number, resources)
      }
    }
  }
}
